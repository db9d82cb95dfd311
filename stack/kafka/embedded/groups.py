"""El coordinador de grupos de consumidores (protocolo clásico): quién está y cuándo se vuelve a repartir.

El reparto lo hace un miembro, no el intermediario: aquí solo se decide cuándo toca y se espera a todos. Un
cambio (alguien entra, se va o deja de latir) abre una *ronda*: todos vuelven a entrar, uno reparte y la
generación sube en uno. Referencia: https://cwiki.apache.org/confluence/display/KAFKA/Kafka+0.9+Consumer+Rewrite+Design
"""

from __future__ import annotations

import asyncio
from asyncio import TimerHandle
from collections import Counter, deque
from collections.abc import Iterator
from uuid import uuid4

from stack.kafka.embedded.errors import ErrorCode, KafkaError
from stack.kafka.embedded.members import (
    CommittedOffset,
    GroupState,
    JoinRequest,
    JoinResult,
    Member,
    SyncResult,
)
from stack.kafka.embedded.settings import Settings
from stack.kafka.embedded.subscriptions import same_subscription

_LONGEST_HELD_HEARTBEAT_S = 5.0
_MOST_FENCED = 100


class Group:
    """Un grupo. Sus métodos corren todos en el mismo hilo, el del bucle de asyncio."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.settings = settings
        self.state = GroupState.EMPTY
        self.generation = 0
        self.protocol_type = ""
        self.protocol = ""
        self.leader = ""
        self.members: dict[str, Member] = {}
        self.offsets: dict[tuple[str, int], CommittedOffset] = {}
        self._invited: dict[str, TimerHandle] = {}
        self._fenced: deque[str] = deque(maxlen=_MOST_FENCED)
        self._round_deadline: TimerHandle | None = None
        self._not_before = 0.0

    # ── Entrar ──────────────────────────────────────────────────────────────────────────────────────────

    async def join(self, request: JoinRequest) -> JoinResult:
        """Entra en el grupo y espera a que la ronda se complete. Un error va dentro del resultado."""
        try:
            self._check(request)
            if (returned := self._return(request)) is not None:
                return returned
            member = self._admit(request)
        except KafkaError as error:
            return JoinResult(error.code, request.member_id)
        if member is None:
            return self._invite(request)
        future: asyncio.Future[JoinResult] = asyncio.get_running_loop().create_future()
        previous = member.joining
        if previous is not None and not previous.done():
            previous.set_result(JoinResult(ErrorCode.UNKNOWN_MEMBER_ID, member.id))
        if not self._needs_round(member, request):
            member.request = request
            return self._result_for(member)
        member.request = request
        member.joining = future
        if self.state is not GroupState.PREPARING:
            self._open_round()
        self._close_round_if_complete()
        try:
            return await future
        except asyncio.CancelledError:
            # Se cortó la conexión mientras esperaba: no hay a quien contestar.
            if member.joining is future:
                self.remove(member)
            raise

    def _check(self, request: JoinRequest) -> None:
        settings = self.settings
        if not settings.min_session_timeout_ms <= request.session_timeout_ms <= settings.max_session_timeout_ms:
            raise KafkaError(ErrorCode.INVALID_SESSION_TIMEOUT)
        self._check_protocols(request)
        if request.member_id in self._fenced:
            raise KafkaError(ErrorCode.FENCED_INSTANCE_ID)

    def _admit(self, request: JoinRequest) -> Member | None:
        """El miembro que corresponde a la petición, o `None` si antes hay que darle un identificador."""
        if request.member_id in self.members:
            return self.members[request.member_id]
        if request.member_id:
            if request.member_id not in self._invited:
                raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID)
            self._invited.pop(request.member_id).cancel()
            return self._add(request.member_id, request)
        if request.needs_known_id and request.instance_id is None:
            return None
        return self._add(_new_id(request), request)

    def _check_protocols(self, request: JoinRequest) -> None:
        others = [member for member in self.members.values() if member.id != request.member_id]
        common = set(request.protocols).intersection(*(member.request.protocols for member in others))
        if not request.protocol_type or not common or (others and request.protocol_type != self.protocol_type):
            raise KafkaError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)

    def _return(self, request: JoinRequest) -> JoinResult | None:
        """Quien vuelve con su `group.instance.id` ocupa el sitio del que era (KIP-345), que queda fuera.

        Si pide lo mismo que antes conserva lo suyo y nadie se entera: el resultado. Si no, o si los demás están
        repartiendo, hay que repartir (`None`).
        """
        same = (one for one in self.members.values() if one.request.instance_id == request.instance_id)
        old = None if request.instance_id is None else next(same, None)
        if old is None or old.id == request.member_id:
            return None
        self._fenced.append(old.id)
        if self.state is not GroupState.STABLE or not same_subscription(old.request, request, self.protocol):
            self.remove(old, ErrorCode.FENCED_INSTANCE_ID)
            return None
        member = self._add(_new_id(request), request)
        member.assignment = old.assignment
        self._discard(old, ErrorCode.FENCED_INSTANCE_ID)
        # Si era quien repartía, no se le dice que lo sigue siendo: repartiría otra vez.
        before, self.leader = self.leader, member.id if self.leader == old.id else self.leader
        return JoinResult(ErrorCode.NONE, member.id, self.generation, self.protocol, before)

    def _invite(self, request: JoinRequest) -> JoinResult:
        """Da un identificador y espera a que vuelva con él (KIP-394): así no quedan miembros fantasma."""
        member_id = _new_id(request)
        self._invited[member_id] = asyncio.get_running_loop().call_later(
            request.session_timeout_ms / 1000, self._forget_invitation, member_id
        )
        return JoinResult(ErrorCode.MEMBER_ID_REQUIRED, member_id)

    def _forget_invitation(self, member_id: str) -> None:
        timer = self._invited.pop(member_id, None)
        if timer is not None:
            timer.cancel()
            self._close_round_if_complete()

    def _add(self, member_id: str, request: JoinRequest) -> Member:
        member = Member(member_id, request)
        if not self.members:
            self.protocol_type = request.protocol_type
            self._not_before = asyncio.get_running_loop().time() + self.settings.initial_rebalance_delay_s
        self.members[member_id] = member
        self._renew(member)
        self._watch(member)
        return member

    def _needs_round(self, member: Member, request: JoinRequest) -> bool:
        """Un miembro que repite lo mismo no molesta a nadie, salvo que sea nuevo o quien reparte."""
        if self.state in {GroupState.EMPTY, GroupState.PREPARING}:
            return True
        changed = member.request.protocols != request.protocols or self.protocol not in request.protocols
        newcomer = member.request is request
        return newcomer or changed or (self.state is GroupState.STABLE and member.id == self.leader)

    # ── La ronda ────────────────────────────────────────────────────────────────────────────────────────

    def _open_round(self) -> None:
        """Pide a todos que vuelvan a entrar: se les dice en cuanto laten, y a quien espera latiendo, ya."""
        self.state = GroupState.PREPARING
        for member in self.members.values():
            if member.syncing is not None and not member.syncing.done():
                member.syncing.set_result(SyncResult(ErrorCode.REBALANCE_IN_PROGRESS))
            _answer_heartbeats(member, ErrorCode.REBALANCE_IN_PROGRESS)
        loop = asyncio.get_running_loop()
        patience = max((member.request.rebalance_timeout_ms for member in self.members.values()), default=0) / 1000
        self._cancel_round_deadline()
        self._round_deadline = loop.call_later(max(patience, self._not_before - loop.time()), self._round_expired)

    def _close_round_if_complete(self) -> None:
        if self.state is not GroupState.PREPARING or self._invited:
            return
        if all(member.joining is not None for member in self.members.values()):
            wait = self._not_before - asyncio.get_running_loop().time()
            if wait > 0 and self.members:
                asyncio.get_running_loop().call_later(wait, self._close_round_if_complete)
            else:
                self._close_round()

    def _round_expired(self) -> None:
        """Quien no ha vuelto a tiempo queda fuera."""
        for member in list(self.members.values()):
            if member.joining is None:
                self._discard(member)
        if self.state is GroupState.PREPARING:
            self._close_round()

    def _close_round(self) -> None:
        self._cancel_round_deadline()
        self.generation += 1
        if not self.members:
            self.state, self.protocol, self.leader = GroupState.EMPTY, "", ""
            return
        self.state = GroupState.COMPLETING
        self.protocol = self._vote()
        if self.leader not in self.members:
            self.leader = next(iter(self.members))
        for member in self.members.values():
            member.assignment = b""
            self._renew(member)
            future, member.joining = member.joining, None
            if future is not None and not future.done():
                future.set_result(self._result_for(member))

    def _vote(self) -> str:
        """La estrategia de reparto que todos entienden y más miembros prefieren."""
        common = set.intersection(*(set(member.request.protocols) for member in self.members.values()))
        votes = Counter(
            next(name for name in member.request.protocols if name in common) for member in self.members.values()
        )
        return votes.most_common(1)[0][0]

    def _result_for(self, member: Member) -> JoinResult:
        members = tuple(
            (other.id, other.request.instance_id, other.request.protocols[self.protocol])
            for other in self.members.values()
            if member.id == self.leader
        )
        return JoinResult(ErrorCode.NONE, member.id, self.generation, self.protocol, self.leader, members)

    def _cancel_round_deadline(self) -> None:
        if self._round_deadline is not None:
            self._round_deadline.cancel()
            self._round_deadline = None

    async def sync(self, member_id: str, generation: int, assignments: dict[str, bytes]) -> SyncResult:
        """Espera el reparto; quien lo hizo (el líder) lo trae en `assignments`."""
        try:
            member = self._known(member_id, generation)
        except KafkaError as error:
            return SyncResult(error.code)
        self._renew(member)
        if self.state is GroupState.PREPARING:
            return SyncResult(ErrorCode.REBALANCE_IN_PROGRESS)
        if self.state is GroupState.STABLE:
            return SyncResult(ErrorCode.NONE, member.assignment)
        if member_id == self.leader:
            self._share(assignments)
            return SyncResult(ErrorCode.NONE, member.assignment)
        member.syncing = asyncio.get_running_loop().create_future()
        try:
            return await member.syncing
        finally:
            member.syncing = None
            self._renew(member)

    def _share(self, assignments: dict[str, bytes]) -> None:
        self.state = GroupState.STABLE
        for member in self.members.values():
            member.assignment = assignments.get(member.id, b"")
            if member.syncing is not None and not member.syncing.done():
                member.syncing.set_result(SyncResult(ErrorCode.NONE, member.assignment))

    # ── Seguir vivo e irse ──────────────────────────────────────────────────────────────────────────────

    async def heartbeat(self, member_id: str, generation: int, hurry: asyncio.Future[None]) -> ErrorCode:
        """Un latido. La respuesta se retiene un rato, por si entretanto hay que avisar de una ronda nueva.

        Kafka contesta en el acto y el consumidor se entera en el latido siguiente (3 s por defecto).
        Reteniéndola se entera al momento. `hurry` se cumple si el cliente pide otra cosa por esa conexión.
        """
        try:
            member = self._known(member_id, generation)
        except KafkaError as error:
            return error.code
        self._renew(member)
        if self.state is GroupState.PREPARING:
            return ErrorCode.REBALANCE_IN_PROGRESS
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[ErrorCode] = loop.create_future()
        timer = loop.call_later(min(member.session_s / 3, _LONGEST_HELD_HEARTBEAT_S), _settle, answer)
        hurry.add_done_callback(lambda _: _settle(answer))
        member.beating.add(answer)
        try:
            return await answer
        finally:
            timer.cancel()
            member.beating.discard(answer)
            self._renew(member)

    def leave(self, member_id: str) -> ErrorCode:
        """Un miembro se despide: los demás se reparten lo suyo sin esperar a que se le dé por muerto."""
        if member_id in self._invited:
            self._forget_invitation(member_id)
            return ErrorCode.NONE
        if member_id not in self.members:
            return ErrorCode.UNKNOWN_MEMBER_ID
        self.remove(self.members[member_id])
        return ErrorCode.NONE

    def remove(self, member: Member, reason: ErrorCode = ErrorCode.UNKNOWN_MEMBER_ID) -> None:
        """Saca a un miembro, a quien se le dice `reason`, y abre una ronda para los demás."""
        self._discard(member, reason)
        if self.state in {GroupState.STABLE, GroupState.COMPLETING}:
            self._open_round()
        self._close_round_if_complete()

    def _discard(self, member: Member, reason: ErrorCode = ErrorCode.UNKNOWN_MEMBER_ID) -> None:
        self.members.pop(member.id, None)
        if member.joining is not None and not member.joining.done():
            member.joining.set_result(JoinResult(reason, member.id))
        if member.syncing is not None and not member.syncing.done():
            member.syncing.set_result(SyncResult(reason))
        _answer_heartbeats(member, reason)

    def _known(self, member_id: str, generation: int) -> Member:
        member = self.members.get(member_id)
        if member is None:
            fenced = member_id in self._fenced
            raise KafkaError(ErrorCode.FENCED_INSTANCE_ID if fenced else ErrorCode.UNKNOWN_MEMBER_ID)
        if generation != self.generation:
            raise KafkaError(ErrorCode.ILLEGAL_GENERATION)
        return member

    def _renew(self, member: Member) -> None:
        member.deadline = asyncio.get_running_loop().time() + member.session_s

    def _watch(self, member: Member) -> None:
        """Mira si sigue vivo, y se cita consigo mismo para cuando venza el plazo que haya entonces."""
        loop = asyncio.get_running_loop()
        if self.members.get(member.id) is not member:
            return
        if member.waiting():
            self._renew(member)
        if member.deadline <= loop.time():
            self.remove(member)
        else:
            loop.call_at(member.deadline, self._watch, member)

    # ── Hasta dónde ha leído ────────────────────────────────────────────────────────────────────────────

    def check_commit(self, member_id: str, generation: int) -> None:
        """Quién puede confirmar: un miembro de esta generación, o cualquiera si el grupo está vacío.

        Raises:
            KafkaError: `UNKNOWN_MEMBER_ID`, `ILLEGAL_GENERATION` o `REBALANCE_IN_PROGRESS`.
        """
        if generation < 0 and not self.members:
            return
        self._renew(self._known(member_id, generation))
        if self.state is GroupState.COMPLETING:
            raise KafkaError(ErrorCode.REBALANCE_IN_PROGRESS)

    def forget_topic(self, topic: str) -> None:
        """Al borrar un topic se olvida lo confirmado en él."""
        for key in [key for key in self.offsets if key[0] == topic]:
            del self.offsets[key]


class Groups:
    """Todos los grupos del intermediario."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._groups: dict[str, Group] = {}

    def reset(self) -> None:
        """Olvida todos los grupos; sus miembros se enteran al hacer la petición siguiente."""
        for group in self._groups.values():
            for member in list(group.members.values()):
                group.remove(member)
        self._groups.clear()

    def __iter__(self) -> Iterator[Group]:
        return iter(self._groups.values())

    def find(self, name: str) -> Group | None:
        """El grupo `name`, si existe."""
        return self._groups.get(name)

    def find_or_create(self, name: str) -> Group:
        """El grupo `name`; existe desde que alguien entra o confirma en él. `INVALID_GROUP_ID` si es vacío."""
        if not name:
            raise KafkaError(ErrorCode.INVALID_GROUP_ID)
        if name not in self._groups:
            self._groups[name] = Group(name, self.settings)
        return self._groups[name]

    def delete(self, name: str) -> None:
        """Borra un grupo sin miembros y lo que confirmó.

        Raises:
            KafkaError: `GROUP_ID_NOT_FOUND` o `NON_EMPTY_GROUP`.
        """
        group = self.find(name)
        if group is None:
            raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND)
        if group.members:
            raise KafkaError(ErrorCode.NON_EMPTY_GROUP)
        del self._groups[name]

    def forget_topic(self, topic: str) -> None:
        """Ningún grupo recuerda nada de un topic borrado."""
        for group in self:
            group.forget_topic(topic)


def _new_id(request: JoinRequest) -> str:
    return f"{request.instance_id or request.client_id}-{uuid4()}"


def _settle(answer: asyncio.Future[ErrorCode]) -> None:
    if not answer.done():
        answer.set_result(ErrorCode.NONE)


def _answer_heartbeats(member: Member, code: ErrorCode) -> None:
    for answer in member.beating:
        if not answer.done():
            answer.set_result(code)
