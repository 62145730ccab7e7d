"""Machines and whoever answers their questions, waiting in asyncio."""

from sendconn import _core
from sendconn._errors import DnsError, StateError


async def _await(answer):
    return await answer


def _ask(resolver, question):
    """The answer, or something to wait for."""
    resolve = getattr(resolver, "resolve_async", resolver)
    try:
        answer = resolve(question.name, question.type)
    except DnsError as error:
        return error
    return answer


async def drive(machine, resolver):
    """Asks until the machine is done. Questions that may run at once do; a cancelled task cancels its questions."""
    if isinstance(resolver, _core.Zone):
        machine.run(resolver)
        return
    if not callable(resolver):
        raise TypeError(f"resolver must be a callable, a Zone or a Resolver, not {type(resolver).__name__}")
    import asyncio

    waiting = {}
    try:
        while not machine.done:
            questions = machine.questions()
            if not questions and not waiting:
                raise StateError("the check waits for the end of the message: call finish() first")
            for question in questions:
                if machine.done:
                    return
                answer = _ask(resolver, question)
                if hasattr(answer, "__await__"):
                    waiting[asyncio.ensure_future(_await(answer))] = question
                else:
                    machine.answer(question, answer)
            if machine.done or not waiting:
                continue
            finished, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in finished:
                question = waiting.pop(task)
                try:
                    answer = task.result()
                except DnsError as error:
                    answer = error
                if not machine.done:
                    machine.answer(question, answer)
    finally:
        for task in waiting:
            task.cancel()
        if waiting:
            await asyncio.gather(*waiting, return_exceptions=True)
