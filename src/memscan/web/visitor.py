"""Who asks: the address that queries are counted by."""

from ipaddress import IPv6Address, ip_address, ip_network


def client_of(peer: str, forwarded: str | None, proxies: int) -> str:
    """The client behind a connection from `peer`, which sent the header X-Forwarded-For `forwarded`.

    Each proxy writes at the end of the header whom it was asked by, so of `proxies` in front of the server the first one's word
    is the last but `proxies - 1`; what stands before it, the client wrote itself. Of an IPv6 address the /64 counts: a
    household has one, and its addresses are free.
    """
    hops = [hop.strip() for hop in (forwarded or "").split(",") if hop.strip()]
    word = hops[-min(proxies, len(hops))] if proxies and hops else peer
    try:
        address = ip_address(word)
    except ValueError:  # a test client, a proxy that hides addresses
        return word[:64]
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(ip_network((int(address), 64), strict=False))
    return str(getattr(address, "ipv4_mapped", None) or address)
