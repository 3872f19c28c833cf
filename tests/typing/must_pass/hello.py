"""The smallest program: an engine is a router, too."""

from ensue import Engine, on_event

engine = Engine("sqlite:///hello.db")


@engine.task(triggers=on_event("user.joined").with_args_from_event("name"))
async def greet(name: str) -> str:
    return f"hello {name}"


async def main() -> None:
    await engine.emit("user.joined", {"name": "Ada"})
