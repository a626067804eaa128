"""What a process of Yanpiao works with, built once from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import redis

from archive.bag_store import BagStore
from archive.database import Database
from archive.sealing import Sealer, kept_secret
from archive.storage import open_storage
from archive.store import Store
from verifiers.policy import Policy, load_policy
from verifiers.signatures.roots import load_roots
from worker import tracing
from worker.broker import connect
from worker.captcha_desk import RedisCaptchaDesk
from worker.captcha_trail import CaptchaTrail
from worker.intake import Intake
from worker.settings import Settings


@dataclass(frozen=True, slots=True)
class Services:
    """Database, files, Redis and the intake. Opening brings the tables up to date."""

    settings: Settings
    database: Database
    store: Store
    bags: BagStore
    redis: redis.Redis
    intake: Intake
    desk: RedisCaptchaDesk
    policy: Policy
    sealer: Sealer

    @classmethod
    def open(cls, settings: Settings | None = None) -> Self:
        chosen = settings or Settings()
        tracing.begin(chosen)
        policy = policy_of(chosen)  # a bad one must not wait for the first invoice
        load_roots(chosen.signature_roots)  # nor bad certificates
        database = Database(chosen.database)
        database.migrate()
        storage = open_storage(chosen.storage_url, chosen.root, chosen.keyring)
        client = connect(chosen)
        return cls(
            settings=chosen,
            database=database,
            store=storage.files,
            bags=storage.bags,
            redis=client,
            intake=Intake(chosen, database, storage.files, client),
            desk=RedisCaptchaDesk(client, CaptchaTrail(database)),
            policy=policy,
            sealer=Sealer(chosen.secret_key or kept_secret(chosen.root / "secret.key")),
        )

    def close(self) -> None:
        tracing.flush()
        self.database.close()
        self.redis.close()


def policy_of(settings: Settings) -> Policy:
    """The policy in force: the one that a setting names, or `policy.toml` in the data folder, or
    the shipped one. Raises `BadPolicy`."""
    return load_policy(settings.policy_file)
