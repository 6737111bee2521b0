"""Where OXL may be made to call: every trick with an address is refused, and what is meant to work works."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oxl.outbox.callbacks import BadCallback, Guard, guard_of, resolve, target_of

PUBLIC = Guard()  # as a server that is reached from elsewhere has it
DEV = guard_of("", "127.0.0.1", 8080)
ANYWHERE = "0.0.0.0"  # noqa: S104 – asked about, not bound


def verdict(url: str, guard: Guard) -> str:
    """What the guard says to an address: empty when it may be called."""
    try:
        asyncio.run(guard.addresses(target_of(url)))
    except BadCallback as refusal:
        return str(refusal)
    return ""


CLOSED = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 127.0.0.1 127.255.255.254 168.63.129.16 169.254.0.1
169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.8 192.0.0.9 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1
198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
[::] [::1] [::2] [::7f00:1] [::127.0.0.1] [::ffff:127.0.0.1] [::ffff:7f00:1] [::ffff:10.0.0.1] [::ffff:169.254.169.254]
[64:ff9b::7f00:1] [64:ff9b::a9fe:a9fe] [64:ff9b::10.0.0.1] [64:ff9b:1::1] [64:ff9b:1::7f00:1] [100::1] [2001:db8::1]
[2001::1] [2001:0:4136:e378:8000:63bf:3fff:fdd2] [2001:0:7f00:1:0:0:f5ff:fffe] [2001:10::1] [2002:7f00:1::]
[2002:a00:1::1] [2002:a9fe:a9fe::] [2002:c0a8:101::1] [3fff::1] [5f00::1] [fc00::1] [fd00:ec2::254] [fdff::1]
[fe80::1] [fe80::5efe:7f00:1] [2606:4700::5efe:7f00:1] [2606:4700::200:5efe:a00:1] [fec0::1] [ff02::1] [ff0e::1]
""".split()
ODD = """
http://2130706433/ http://0x7f000001/ http://0177.0.0.1/ http://127.1/ http://0/ http://0x7f.1/ http://127.0.0.1./
http://127.0.0.01/ http://1.2.3/ http://1.2.3.4.5/ http://256.1.1.1/ http://x.0x7f000001/ http://a.123/
http://[::1%25lo]/ http://[fe80::1%lo]/ http://[1::2::3]/ http://[::ffff:127.1]/ http://[127.0.0.1]/ http://[::1
http://127.0.0.1:0/ http://127.0.0.1:65536/ http://127.0.0.1:99999/ http://127.0.0.1:-1/ http://127.0.0.1:8o/
http://user@hooks.example/ http://user:pw@hooks.example/ http://127.0.0.1@hooks.example/ http://hooks.example@127.0.0.1/
http://hooks.example\\@127.0.0.1/ http://hooks.example\\.127.0.0.1/ http://hooks.example/a\\b http://hooks.example#@1.1.1.1/
http://１２７.0.0.1/ http://ⓛocalhost/ http://hooks。example/ http://loc%61lhost/ http://%31%32%37.0.0.1/ http://ex%20ample/
http:/127.0.0.1/ http:127.0.0.1 http:///x //127.0.0.1/ 127.0.0.1:80 hooks.example http:// https:///a http://:80/
ftp://hooks.example/ file:///etc/passwd gopher://127.0.0.1/ javascript:alert(1) mailto:a@hooks.example ws://hooks.example/
data:text/plain,x http+unix://x/ http://-a.example/ http://a-.example/ http://a..example/ http://.example/
""".split()


@pytest.mark.parametrize("host", CLOSED)
def test_an_address_that_is_not_public_is_refused(host: str) -> None:
    for scheme, port in (("https", ""), ("https", ":8443"), ("http", ":80")):
        assert verdict(f"{scheme}://{host}{port}/x", PUBLIC) == "leads to an address that OXL does not call"


@pytest.mark.parametrize(
    "url", [*ODD, "http://hooks.example/\n", "\thttp://hooks.example/", "http://hooks.example/ä", ""]
)
def test_what_two_readers_could_read_differently_is_no_callback(url: str) -> None:
    for guard in (PUBLIC, DEV):
        assert verdict(url, guard)


def test_the_lists_are_as_long_as_promised() -> None:
    assert len(set(CLOSED + ODD)) >= 100


@pytest.mark.parametrize("host", "1.1.1.1 93.184.215.14 [2606:4700::1111] [2002:101:101::] [64:ff9b::1.1.1.1]".split())
def test_a_public_address_is_called_over_https_at_the_ports_of_https(host: str) -> None:
    assert verdict(f"https://{host}/l?a=b&c=%20", PUBLIC) == ""
    assert verdict(f"HTTPS://{host}:8443", PUBLIC) == ""
    for url in (f"http://{host}/l", f"https://{host}:22/l", f"https://{host}:80/l"):
        assert verdict(url, PUBLIC) == "must be https, at port 443 or 8443"
        assert verdict(url, DEV) == ""


def test_a_server_on_loopback_calls_loopback_but_not_itself_and_nothing_private() -> None:
    for url in ("http://127.0.0.1:1/", "http://127.9.9.9:80/", "http://[::1]:8080/", "http://localhost:9/"):
        assert verdict(url, DEV) == ""
    for url in ("http://127.0.0.1:8080/", "http://[::ffff:127.0.0.1]:8080/", "http://10.0.0.1/", "http://[fd00::1]/"):
        assert verdict(url, DEV) == "leads to an address that OXL does not call"


@pytest.mark.parametrize("host", [ANYWHERE, "::", "1.1.1.1"])
def test_a_server_that_is_reached_from_elsewhere_does_not_call_loopback(host: str) -> None:
    guard = guard_of("", host, 8080)
    assert not guard.dev
    assert verdict("https://127.0.0.1/", guard)
    assert verdict("https://localhost/", guard)


def test_what_is_allow_listed_is_called_in_any_way_but_metadata_and_the_server_itself_never() -> None:
    guard = guard_of("10.0.0.0/8, 169.254.0.0/16,127.0.0.0/8,fd00::/8,100.64.0.0/10", ANYWHERE, 8080)
    for url in ("http://10.1.2.3:81/", "http://[::ffff:10.1.2.3]/", "http://[fd00::7]:9000/", "http://169.254.1.1/"):
        assert verdict(url, guard) == ""
    for url in ("http://169.254.169.254/", "http://[fd00:ec2::254]/", "http://100.100.100.200/", "http://127.0.0.1:8080/",
                "http://[64:ff9b::a9fe:a9fe]/", "http://11.0.0.1/", "http://192.168.0.1/"):  # fmt: skip
        assert verdict(url, guard)


def test_a_listed_host_is_called_at_whatever_address_it_has() -> None:
    guard = guard_of("localhost,.svc.cluster.local", ANYWHERE, 8080)
    assert verdict("http://localhost:9/", guard) == ""
    assert verdict("http://127.0.0.1:9/", guard)
    for name, is_listed in (("a.svc.cluster.local", True), ("svc.cluster.local", False), ("asvc.cluster.local", False)):
        target = target_of(f"http://{name}/")
        if is_listed:
            guard.judge(target, ip_address("10.0.0.1"))
        else:
            with pytest.raises(BadCallback):
                guard.judge(target, ip_address("10.0.0.1"))


@pytest.mark.parametrize("allow", ["10.0.0.0/33", "10.0.0.1/8", "a b", "http://x.example", "*", "a/b"])
def test_an_allow_list_that_cannot_be_read_is_named(allow: str) -> None:
    with pytest.raises(ValueError, match="callback_allow"):
        guard_of(allow, "127.0.0.1", 8080)


def lookup(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Let names have these addresses, another list at every question; the names that were asked for."""
    asked: list[str] = []

    async def getaddrinfo(_loop: object, host: str, port: int, **_: object) -> list[object]:
        asked.append(host)
        found = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)
    return asked


def test_every_address_of_a_name_must_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    lookup(monkeypatch, ["1.1.1.1", "10.0.0.1"])
    assert verdict("https://hooks.example/", PUBLIC)
    lookup(monkeypatch, ["1.1.1.1", "2606:4700::1111"])
    assert verdict("https://hooks.example/", PUBLIC) == ""
    lookup(monkeypatch, ["fe80::1%eth0"])
    assert verdict("https://hooks.example/", PUBLIC)


def test_a_name_is_asked_for_once_and_what_was_judged_is_what_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = lookup(monkeypatch, ["1.1.1.1"], ["127.0.0.1"])
    found = asyncio.run(PUBLIC.addresses(target_of("https://rebinding.example/")))
    assert [str(address) for address in found] == ["1.1.1.1"]
    assert asked == ["rebinding.example"]
    assert verdict("https://rebinding.example/", PUBLIC)


def test_a_name_without_an_address_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    lookup(monkeypatch, [])
    with pytest.raises(OSError, match="no address"):
        asyncio.run(resolve("hooks.example", 443))


@given(st.ip_addresses())
def test_no_private_address_is_called_however_it_is_written(address: object) -> None:
    host = f"[{address}]" if ":" in str(address) else str(address)
    if not address.is_global or address.is_multicast:  # type: ignore[attr-defined]
        inner = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
        assert verdict(f"https://{host}/", PUBLIC) or (inner and inner.is_global)


@given(st.text(max_size=40))
def test_no_text_makes_the_guard_fail_otherwise_than_by_a_refusal(text: str) -> None:
    for url in (text, f"http://{text}/", f"http://127.0.0.1/{text}"):
        try:
            target = target_of(url)
        except BadCallback:
            continue
        assert target.host.isascii()
        assert target.host == target.host.strip()
