from typing import Any

from sendconn.dns import _AnyResolver

async def drive(machine: Any, resolver: _AnyResolver) -> None: ...
