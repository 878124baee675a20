"""The loader: clients that send commands, ask again with the same key until answered, and write it all down."""

from __future__ import annotations

import threading
import time

from daybook_scripts.chaos.commands import Command
from daybook_scripts.chaos.doors import Address, Answer, Door, SocketDoor, Unanswered
from daybook_scripts.chaos.mix import Mix
from daybook_scripts.chaos.people import ACTORS, PASSWORD, Cast
from daybook_scripts.chaos.plan import Plan
from daybook_scripts.chaos.world import World

ASK_AGAIN_AFTER = 0.1
# Longer than any restart; a command without an answer by then stays unknown, and the run has failed.
GIVE_UP_AFTER = 120.0


class Loader:
    """`limit` is how many commands may be begun by now: the killer moves it, so that commands flow during each kill."""

    def __init__(self, plan: Plan, cast: Cast, address: Address) -> None:
        self._plan, self._cast, self._address = plan, cast, address
        self._world = World()
        self._turn = threading.Condition()
        self._begun = 0
        self._started_at = 0.0
        self._stopped = False
        self.limit = plan.commands
        self.commands: list[Command] = []
        self.failures: list[BaseException] = []
        self._clients = [
            threading.Thread(target=self._guarded, args=(place,), name=f"client {place}", daemon=True)
            for place in range(plan.clients)
        ]

    def start(self) -> None:
        self._started_at = time.monotonic()
        for client in self._clients:
            client.start()

    @property
    def is_running(self) -> bool:
        return any(client.is_alive() for client in self._clients)

    @property
    def answered(self) -> int:
        return sum(command.answer is not None for command in list(self.commands))

    @property
    def under_way(self) -> int:
        """Commands that were sent and not answered yet."""
        return sum(command.attempts > 0 and command.answer is None for command in list(self.commands))

    def acknowledged_after(self, moment: float) -> bool:
        """Whether a command that was (last) sent after `moment` has been acknowledged."""
        return any(
            command.is_acknowledged and command.last_sent_at > moment for command in list(self.commands)
        )

    def allow(self, limit: int) -> None:
        with self._turn:
            self.limit = limit
            self._turn.notify_all()

    def stop(self) -> None:
        """No new commands, and no more asking again: something else went wrong."""
        with self._turn:
            self._stopped = True
            self._turn.notify_all()

    def _guarded(self, place: int) -> None:
        try:
            self._work(place)
        except BaseException as problem:
            self.failures.append(problem)
            raise

    def _work(self, place: int) -> None:
        person = self._cast.people[ACTORS[place % len(ACTORS)]]
        door = Door(self._address, person.email, PASSWORD)
        socket = SocketDoor(Door(self._address, person.email, PASSWORD))
        mix = Mix(self._cast, self._world, person.id, f"{self._plan.seed}.{place}")
        while (number := self._take_turn()) is not None:
            command = mix.next(number)
            self.commands.append(command)
            self._see_through(command, door, socket)
        socket.close()
        door.close()

    def _take_turn(self) -> int | None:
        """The number of the next command, when its moment has come; None when all were begun."""
        with self._turn:
            while True:
                if self._stopped or self._begun >= self._plan.commands:
                    return None
                early = self._started_at + self._begun / self._plan.pace - time.monotonic()
                if self._begun < self.limit and early <= 0:
                    self._begun += 1
                    return self._begun
                self._turn.wait(early if early > 0 else None)

    def _see_through(self, command: Command, door: Door, socket: SocketDoor) -> None:
        command.sent_at = time.monotonic()
        while command.answer is None and not self._stopped:
            command.attempts += 1
            command.last_sent_at, command.last_sent_by_clock = time.monotonic(), time.time()
            try:
                command.answer = self._ask(command, door, socket)
            except Unanswered as doubt:
                command.doubts.append(str(doubt))
                if time.monotonic() - command.sent_at > GIVE_UP_AFTER:
                    break
                time.sleep(ASK_AGAIN_AFTER)
        command.answered_at = time.monotonic()
        if command.is_acknowledged:
            command.on_yes(command)
        command.on_end()

    @staticmethod
    def _ask(command: Command, door: Door, socket: SocketDoor) -> Answer:
        if command.is_over_socket:
            return socket.call(command.name, command.args, command.key)
        return door.call(command.method, command.path, command.body, command.key)
