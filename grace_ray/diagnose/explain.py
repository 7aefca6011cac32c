"""Why: what became of an event, cluster, group or mission, and on which records and facts that rests.

Pure functions of a Reader; every sentence says what was decided and by what.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from grace_ray.core.entry import Entry
from grace_ray.core.errors import NotFound
from grace_ray.core.store import EntryFilter, Reader
from grace_ray.models.templates import mask

_FACTS_SHOWN = 30
_WORDING_SHOWN = 120
_JUDGED = frozenset({"finding", "decision", "mission", "knowledge"})


def explain(reader: Reader, subject_id: str) -> dict[str, Any]:
    """Return {id, kind, answer: [sentences], facts: [{seq, type, at, why}], ...}. Raises NotFound.

    ``subject_id`` is that of a cluster, incident group, mission, statement, event or any other fact on the journal.
    """
    for view, explained in _EXPLAINED.items():
        plain = _record(reader, view, subject_id)
        if plain is not None:
            return {"id": subject_id, **explained(reader, plain)}
    entries = reader.find(subject_id)
    if not entries:
        raise NotFound(f"There is nothing with the id {subject_id}.", "id")
    return {"id": subject_id, **_entry(reader, entries[0])}


def _cluster(reader: Reader, plain: Mapping[str, Any]) -> dict[str, Any]:
    key = plain["cluster_key"]
    alike = f"the same domain ({plain['domain']}), severity and pattern ({plain['pattern_type']})"
    recurs = f"recurrence {plain['recurrence_score']:.2f} from {plain['recent_count']:.1f} events that still count"
    answer = [
        f"Its {plain['event_count']} events have {alike}: {_templates(plain)}.",
        f"Urgency {plain['urgency_score']:.2f}: severity {plain['severity']}, and {recurs}.",
    ]
    if plain["merged_into"]:
        answer.append(f"It was merged into {plain['merged_into']}, which counts its events.")
    for word in plain["overrides"]:
        until = f" until {word['until']}" if word["until"] else ""
        value = f" {word['value']}" if word["value"] else ""
        note = f": {word['note']}" if word["note"] else ""
        answer.append(f"{word['by']} set {word['action']}{value} at {word['at']}{until}{note}.")
    answer.append(_launched(plain))
    answer += list(plain["reasons"])
    if plain["resolved"]:
        answer.append(f"It was resolved at {plain['resolved_at']} by {plain['resolved_by']}.")
    group = _record(reader, "groups", plain["group_id"] or "")
    if group is not None and len(group["clusters"]) > 1:
        answer.append(f"It is part of the incident group {group['group_id']} ({group['title']}).")
        answer += list(group["reasons"])
    facts = _facts(reader, EntryFilter(kinds=_JUDGED, subject=key))
    facts += _facts(reader, EntryFilter(kinds=frozenset({"mission"}), trace=key))
    return {"kind": "cluster", "answer": answer, "facts": _in_order(facts), "group_id": plain["group_id"]}


def _launched(plain: Mapping[str, Any]) -> str:
    mission = plain["learning_mission_id"]
    if mission is None:
        return (
            "No mission was launched: neither its urgency, nor its count, nor its severity reached what launches one."
        )
    return (
        f"Mission {mission} was launched at {plain['mission_at']}; it is {plain['mission_status'].replace('_', ' ')}."
    )


def _templates(plain: Mapping[str, Any]) -> str:
    count = len(plain["templates"])
    wording = mask(plain["sample"][-1]["message"]) if plain["sample"] else ""
    quoted = f", such as '{wording[:_WORDING_SHOWN]}'" if wording else ""
    return (
        f"{count} message templates{quoted}" if count != 1 else f"one message template{quoted.replace(' such as', '')}"
    )


def _group(reader: Reader, plain: Mapping[str, Any]) -> dict[str, Any]:
    where = f"{len(plain['clusters'])} clusters and {len(plain['templates'])} templates"
    answer = [
        f"{plain['event_count']} events in {where} are held to be one fault: {plain['title']}.",
        *(plain["reasons"] or ["They share one wording; nothing else was linked to it."]),
    ]
    facts = _facts(reader, EntryFilter(kinds=_JUDGED, subject=plain["group_id"]))
    return {"kind": "group", "answer": answer, "facts": _in_order(facts), "clusters": plain["clusters"]}


def _mission(reader: Reader, plain: Mapping[str, Any]) -> dict[str, Any]:
    mission_id = plain["mission_id"]
    asked = [entry for entry in reader.find(mission_id) if entry.type == "mission.requested"]
    answer = [f"{plain['description']} ({plain['mission_type']}), priority {plain['priority']:.2f}: {plain['status']}."]
    answer += [f"It was requested for {plain['cluster_key']}: {entry.content()['reason']}" for entry in asked]
    if not asked:
        answer.append("A person asked for it.")
    answer += [f"{report['strategy']}: {report['status']}. {report['detail']}" for report in plain["strategies"]]
    answer += [text for text in (plain["summary"], plain["reason"], plain["error"]) if text]
    if plain["helped"] is not None:
        answer.append("The trouble stayed away afterwards." if plain["helped"] else "The trouble came back afterwards.")
    facts = [*map(_fact, asked), *_facts(reader, EntryFilter(kinds=_JUDGED, subject=mission_id))]
    return {"kind": "mission", "answer": answer, "facts": _in_order(facts), "cluster_key": plain["cluster_key"]}


def _statement(reader: Reader, plain: Mapping[str, Any]) -> dict[str, Any]:
    held = plain.get("statement", plain)
    answer = [
        f"It was found by the strategy {held['origin']} in {held['source']}.",
        f"The passage that it rests on: {held['passage']}",
    ]
    if held.get("mission_id"):
        answer.append(f"Mission {held['mission_id']} learned it at {held['at']}.")
    if held.get("usefulness") is not None:
        answer.append(f"By what happened afterwards, the chance that it helps is {held['usefulness']:.2f}.")
    facts = _facts(reader, EntryFilter(kinds=frozenset({"knowledge"}), subject=held["id"]))
    return {"kind": "statement", "answer": answer, "facts": _in_order(facts), "statement": held}


def _entry(reader: Reader, entry: Entry) -> dict[str, Any]:
    if entry.kind != "event":
        caused = [f"It follows from {entry.cause}."] if entry.cause else []
        why = _fact(entry)["why"]
        answer = [f"It is a {entry.kind} ({entry.type}) about {entry.subject or 'nothing in particular'}.", *caused]
        return {"kind": entry.kind, "answer": [*answer, *([why] if why else [])], "facts": [_fact(entry)]}
    content = entry.content()
    if entry.seq > reader.follower("triage").cursor:
        return {"kind": "event", "answer": ["It is on the journal, and waits to be triaged."], "facts": [_fact(entry)]}
    if content.get("success"):
        answer = ["It is a success: it forms no cluster, and is what recurrence and missions are judged against."]
        return {"kind": "event", "answer": answer, "facts": [_fact(entry)]}
    found = _cluster_of(reader, entry, content)
    if found is None:
        answer = ["It was counted in a cluster that has been deleted since, or its body has been pruned."]
        return {"kind": "event", "answer": answer, "facts": [_fact(entry)]}
    explained = _cluster(reader, found)
    group = _group_of(reader, entry, content, found)
    is_sampled = any(event["id"] == entry.id for event in found["sample"])
    answer = [
        f"It was counted in {found['cluster_key']}" + (", and is in its sample." if is_sampled else "."),
        *explained["answer"],
    ]
    led_to = [
        _fact(fact)
        for fact in reader.latest(_FACTS_SHOWN, EntryFilter(subject=found["cluster_key"]))
        if fact.cause == entry.id
    ]
    return {
        "kind": "event",
        "answer": answer,
        "facts": [_fact(entry), *_in_order(led_to)],
        "cluster_key": found["cluster_key"],
        "group_id": group["group_id"] if group is not None else found["group_id"],
    }


def _group_of(
    reader: Reader, entry: Entry, content: Mapping[str, Any], cluster: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """Return the incident group that an event is in: one cluster may hold wordings of several faults."""
    masked = mask(content.get("message", ""))
    alike = [event for event in cluster["sample"] if event["id"] == entry.id or mask(event["message"]) == masked]
    templates = {event["template"] for event in alike} - {""}
    text = f"{entry.subject} {content.get('message', '')} {content.get('data', '')}"
    best: tuple[int, Mapping[str, Any] | None] = (0, None)
    for record in reader.scan("groups"):
        plain: Mapping[str, Any] = orjson.loads(record.body or b"{}")
        if cluster["cluster_key"] in plain["clusters"]:
            fits = 2 * bool(templates & set(plain["templates"])) + any(name in text for name in plain["entities"])
            best = max(best, (fits, plain), key=lambda pair: pair[0])
    return best[1]


def _cluster_of(reader: Reader, entry: Entry, content: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the cluster that counted an event, or the one that it was merged into."""
    start = f"{content.get('domain', 'custom')}:{content.get('severity', 'low')}:"
    pattern = content.get("pattern")
    if pattern or not content.get("message"):
        found = _record(reader, "clusters", start + (pattern or entry.type.rsplit(".", 1)[-1]))
    else:
        found = _mined_cluster(reader, f"{start}t-", entry.id, mask(content["message"]))
    while found is not None and found["merged_into"]:
        found = _record(reader, "clusters", found["merged_into"])
    return found


def _mined_cluster(reader: Reader, start: str, event_id: str, masked: str) -> Mapping[str, Any] | None:
    """Return the cluster of a mined pattern that has the event, or else one worded like it, in its sample."""
    alike = None
    for record in reader.scan("clusters"):
        if not record.key.startswith(start) or record.body is None:
            continue
        plain: Mapping[str, Any] = orjson.loads(record.body)
        if any(event["id"] == event_id for event in plain["sample"]):
            return plain
        if alike is None and any(mask(event["message"]) == masked for event in plain["sample"]):
            alike = plain
    return alike


def _facts(reader: Reader, where: EntryFilter) -> list[dict[str, Any]]:
    return [_fact(entry) for entry in reader.latest(_FACTS_SHOWN, where)]


def _fact(entry: Entry) -> dict[str, Any]:
    view = entry.view()
    body = view["body"] or {}
    why = body.get("hold") or body.get("reason") or body.get("message") or body.get("by") or body.get("title") or ""
    return {"seq": entry.seq, "type": entry.type, "at": view["at"], "why": str(why)}


def _in_order(facts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted({fact["seq"]: fact for fact in facts}.values(), key=lambda fact: fact["seq"])


def _record(reader: Reader, view: str, key: str) -> Mapping[str, Any] | None:
    record = reader.record(view, key) if key else None
    if record is None or record.body is None:
        return None
    plain: Mapping[str, Any] = orjson.loads(record.body)
    return plain


def _run(reader: Reader, plain: Mapping[str, Any]) -> dict[str, Any]:
    """Why a playbook ran: what it was chosen for, and among what; who said yes; how it went; what it earned."""
    about = f" of {plain['service']}" if plain["service"] else ""
    answer = [f"{plain['by']} ran {plain['playbook']} for {plain['subject']}{about}; it is {plain['status']}."]
    facts = _facts(reader, EntryFilter(subject=plain["run_id"]))
    chosen = EntryFilter(type="playbook.chosen", trace=plain["cause"]) if plain["cause"] else None
    for entry in reader.latest(_FACTS_SHOWN, chosen) if chosen else ():
        said = entry.content()
        if said.get("run_id") != plain["run_id"]:
            continue
        facts.append(_fact(entry))
        for one in said["candidates"]:
            why = f": {one['reasons'][0]}" if one["reasons"] else ""
            expected = f"{one['expected_reward']:+.2f} ± {one['uncertainty']:.2f}"
            answer.append(f"{one['playbook']} had a chance of {one['probability']:.0%}, expected {expected}{why}")
        answer += [f"{name} was no candidate: {rule}" for name, rule in said["refused"].items()]
    if plain["approved_by"]:
        answer.append(f"{plain['approved_by']} approved it.")
    answer += [f"{step['kind']} is {step['status']}: {step['detail']}" for step in plain["steps"]]
    if plain["error"]:
        answer.append(plain["error"])
    if plain["reward"] is not None:
        answer.append(f"It earned {plain['reward']:+.2f}, between -1 and 1.")
    return {"kind": "playbook run", "answer": answer, "facts": _in_order(facts)}


_EXPLAINED = {
    "clusters": _cluster,
    "groups": _group,
    "missions": _mission,
    "statements": _statement,
    "playbook_runs": _run,
}
