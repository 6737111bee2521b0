"""What happens later: events, written in the transaction that made them true."""
