import asyncio

from ensue import Engine, on_event

engine = Engine("sqlite:///hello.db")


@engine.task(triggers=on_event("user.joined").with_args_from_event("name"))
async def greet(name: str) -> None:
    print(f"hello {name}")


async def main() -> None:
    async with engine.running():
        event = await engine.emit("user.joined", {"name": "Ada"})
        await event.settled(timeout=5)


if __name__ == "__main__":
    asyncio.run(main())
