"""Which addresses OXL may be made to call: the guard of hub (when one is given) and of delivery (at every connection).

A callback is somebody else's choice of where our host connects to. Its name is resolved once; every address must pass,
and the connection goes to one of those. An address inside another (mapped, NAT64, 6to4, Teredo) is judged too.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, NamedTuple

import msgspec

Address = IPv4Address | IPv6Address
MAX_LENGTH = 2000
LOOKUP_SECONDS = 3.0
_URL = re.compile(
    r"(https?)://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?([/?][a-z0-9._~:/?\[\]@!$&'()*+,;=%{}|-]*)?",
    re.IGNORECASE | re.ASCII,
)
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.ASCII)
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)  # a last label that resolvers take for an IPv4 address
_PORTS = {"http": 80, "https": 443}
_SAFE_PORTS = (443, 8443)
# Who asks there is told the secrets of the machine: no allow-list opens these.
_METADATA = frozenset(
    map(ip_address, ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16"))
)
# What `is_global` lets pass in one version of Python or another.
_CLOSED = tuple(
    map(
        ip_network,
        ("0.0.0.0/8", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "240.0.0.0/4", "::/96", "64:ff9b:1::/48",
         "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fec0::/10"),
    )
)  # fmt: skip
_NAT64 = IPv6Network("64:ff9b::/96")
_ANYWHERE = ("0.0.0.0", "::")  # noqa: S104 – compared with, not bound
_LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


class BadCallback(ValueError):  # noqa: N818 – named for what it says
    """A callback that is not called; the text says why."""


class Target(NamedTuple):
    """Where a callback leads: `address` when its host is one."""

    scheme: str
    host: str
    port: int
    address: Address | None


def target_of(url: str) -> Target:
    """The target of a callback's text; BadCallback when another reader could take it for another place."""
    match = _URL.fullmatch(url)
    if not match or len(url) > MAX_LENGTH:
        raise BadCallback("is no plain http or https address")
    scheme, host, digits, _ = match.groups()
    scheme, host = scheme.lower(), host.lower()
    port = int(digits) if digits else _PORTS[scheme]
    if not 0 < port < 65536:
        raise BadCallback("its port is none")
    if host.startswith("["):
        try:
            return Target(scheme, host[1:-1], port, IPv6Address(host[1:-1]))
        except ValueError:
            raise BadCallback("its host is no IPv6 address") from None
    labels = host.removesuffix(".").split(".")
    if _NUMERIC.fullmatch(labels[-1]):
        try:
            return Target(scheme, host, port, IPv4Address(host))
        except ValueError:
            raise BadCallback("its host is a number, but no IPv4 address in four parts") from None
    if len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise BadCallback("its host is no name")
    return Target(scheme, host, port, None)


def _inner(address: Address) -> list[Address]:
    """The addresses that are reached in the end; the address itself where none is inside it."""
    if isinstance(address, IPv4Address):
        return [address]
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    number = int(address)
    if address in _NAT64:
        return [IPv4Address(number & 0xFFFFFFFF)]
    if address.sixtofour:
        return [address.sixtofour]
    if address.teredo:
        return list(address.teredo)
    if number >> 32 & 0xFDFFFFFF == 0x00005EFE:  # ISATAP
        return [address, IPv4Address(number & 0xFFFFFFFF)]
    return [address]


def _is_public(address: Address) -> bool:
    closed = address.is_multicast or address.is_reserved or address.is_unspecified
    return address.is_global and not closed and not any(address in network for network in _CLOSED)


class Guard(msgspec.Struct, frozen=True):
    """What may be called. `dev`: served on loopback only, so any port and plain http, and loopback itself."""

    dev: bool = False
    networks: tuple[Any, ...] = ()
    hosts: tuple[str, ...] = ()  # names; one with a leading dot stands for all that end so
    own: frozenset[tuple[Address, int]] = frozenset()  # where this server itself listens

    def _is_listed(self, target: Target, address: Address) -> bool:
        networks = (*self.networks, *_LOOPBACK) if self.dev else self.networks
        names = any(target.host.endswith(name) if name.startswith(".") else target.host == name for name in self.hosts)
        return names or any(address in network for network in networks)

    def judge(self, target: Target, address: Address) -> None:
        """BadCallback when the target may not be called at this address."""
        inner = _inner(address)
        listed = all(self._is_listed(target, each) for each in inner)
        for each in inner:
            closed = each in _METADATA or (each, target.port) in self.own
            if closed or not (self._is_listed(target, each) or _is_public(each)):
                raise BadCallback("leads to an address that OXL does not call")
        if not (self.dev or listed or (target.scheme == "https" and target.port in _SAFE_PORTS)):
            raise BadCallback("must be https, at port 443 or 8443")

    async def addresses(self, target: Target) -> list[Address]:
        """Every address of the target, all of them judged; OSError when its name is not known (now)."""
        if target.address is not None:
            found: list[Address] = [target.address]
        else:
            found = await resolve(target.host, target.port)
        for address in found:
            self.judge(target, address)
        return found


async def resolve(host: str, port: int) -> list[Address]:
    """The addresses of a name, asked for once."""
    loop = asyncio.get_running_loop()
    lookup = loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    rows = await asyncio.wait_for(lookup, LOOKUP_SECONDS)
    found = list(dict.fromkeys(ip_address(str(row[4][0]).partition("%")[0]) for row in rows))
    if not found:
        raise OSError(f"{host} has no address")
    return found


def guard_of(allow: str, host: str, port: int) -> Guard:
    """The guard of a server that listens at host and port; `allow` lists networks and names, separated by commas."""
    networks, hosts = [], []
    for entry in filter(None, (part.strip().lower() for part in allow.split(","))):
        try:
            networks.append(ip_network(entry))
        except ValueError:
            if not all(map(_LABEL.fullmatch, entry.removeprefix(".").split("."))) or "/" in entry:
                raise ValueError(f"setting callback_allow: {entry!r} is neither a network nor a host") from None
            hosts.append(entry)
    mine = _listening(host)
    dev = host not in _ANYWHERE and bool(mine) and all(address.is_loopback for address in mine)
    return Guard(dev, tuple(networks), tuple(hosts), frozenset((address, port) for address in mine))


def _listening(host: str) -> Sequence[Address]:
    """The addresses at which a server reached by `host` listens, as far as they can be known here."""
    names = [socket.gethostname(), "127.0.0.1", "::1"] if host in _ANYWHERE else [host]
    found: list[Address] = []
    for name in names:
        try:
            found += [ip_address(str(row[4][0]).partition("%")[0]) for row in socket.getaddrinfo(name, None)]
        except OSError:
            continue  # a name that nobody knows is reached by nobody
    return found
