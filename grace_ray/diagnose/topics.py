"""What a message is about, by the few causes that operations tell apart; symptoms (slow, down, error) say nothing.

Two wordings with different causes are not one fault merely because they name the same service.
"""

import re
from functools import lru_cache

_CAUSES = {
    "disk": "disk disks space storage volume volumes filesystem inode inodes enospc fsync partition",
    "memory": "memory oom oomkilled heap swap ram rss",
    "processor": "cpu load1 load5 throttling steal cores",
    "certificate": "certificate certificates cert certs tls ssl x509 acme",
    "access": "authentication unauthorized forbidden permission permissions credential credentials login denied",
    "names": "dns nxdomain resolver servfail coredns",
    "limits": "ratelimit quota quotas throttled 429",
    "replication": "replication replica replicas replica_lag standby follower",
    "queue": "queue queues backlog consumer consumers enqueued",
    "crash": "crash crashed crashes crashloop crashlooping crashloopbackoff segfault panic",
    "image": "image imagepull imagepullbackoff errimagepull registry",
    "clock": "clock ntp skew drift chrony",
    "heat": "temperature overheating thermal fan",
    "backup": "backup backups snapshot snapshots restore",
    "locks": "deadlock deadlocks lock locks",
    "connections": "connections pool exhausted max_connections",
    "packets": "packet packets interface nic bandwidth",
    "election": "leader election quorum split-brain raft",
    "configuration": "configuration config misconfigured reload yaml",
    "garbage": "gc garbage vacuum compaction compactions",
}
_CAUSE_OF = {word: cause for cause, words in _CAUSES.items() for word in words.split()}
_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_SYMPTOM_WORDS = (
    "about after again alert answer answered because before being cannot could does down error errors event events "
    "exception fail failed failing fails failure from have high into level long more none other over rate reached "
    "request requests retries retry returned seconds service since slow status still than that their there this time "
    "timed timeout times took unable unavailable unexpected unknown using value warning were when while will with "
    "without within would minutes hours"
)
_SYMPTOMS = frozenset(_SYMPTOM_WORDS.split())
_SHORTEST = 4


@lru_cache(maxsize=20_000)
def words_of(text: str) -> frozenset[str]:
    """Return the words of a text that may tell faults apart: neither short nor mere symptoms.

    >>> sorted(words_of("ledger failed after <*> ms: checksum"))
    ['checksum', 'ledger']
    """
    words = (match.lower() for match in _WORD.findall(text) if len(match) >= _SHORTEST)
    return frozenset(word for word in words if word not in _SYMPTOMS and word[0].isalpha())


@lru_cache(maxsize=20_000)
def causes_of(text: str) -> frozenset[str]:
    """Return the causes that a text names.

    >>> sorted(causes_of("HostOutOfDiskSpace")), sorted(causes_of("request timed out"))
    (['disk'], [])
    """
    return frozenset(_CAUSE_OF[word] for match in _WORD.findall(text) if (word := match.lower()) in _CAUSE_OF)
