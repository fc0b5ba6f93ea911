"""Which hosts may be asked, where strangers name them: those that have public addresses, and no others.

A server that reads URLs for others must not become their way to the network that it stands in. So a name is resolved here,
every address is looked at, and the connection goes to one of those: a name that resolves differently a moment later (DNS
rebinding) gains nothing, and neither does a redirect, which is one more connection.
"""

import asyncio
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from memscan.errors import TargetError

NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: the last four bytes are an IPv4 address


async def public_addresses(host: str, port: int) -> tuple[str, ...]:
    """The addresses of `host`; TargetError where one of them is not public, OSError where it has none."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = tuple(dict.fromkeys(str(address[0]) for *_, address in found))
    if not all(map(is_public, addresses)):
        raise TargetError(f"{host} is not a public host; only those and the Hub are asked here")
    return addresses


def is_public(address: str) -> bool:
    """Whether `address` is of the Internet, and so is every address that it stands for."""
    found = ip_address(address.partition("%")[0])
    inner = _inner(found) if isinstance(found, IPv6Address) else ()
    # What stands for an IPv4 address is as public as that one; Python calls mapped ones private, whatever they hold.
    return all(one.is_global and not one.is_multicast for one in inner or (found,))


def _inner(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that packets to `address` may go on to."""
    nat64 = IPv4Address(int(address) & 0xFFFFFFFF) if address in NAT64 else None
    teredo = address.teredo
    found = (address.ipv4_mapped, address.sixtofour, nat64, None if teredo is None else teredo[1])
    return tuple(one for one in found if one is not None)
