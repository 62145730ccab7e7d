from asyncio import AbstractEventLoop

from sendconn.dns import Answer, RecordType, Resolver

async def ask(resolver: Resolver, loop: AbstractEventLoop, name: str, type: RecordType) -> Answer: ...
