"""Every setting, its default and its check. Values come from the environment or a `.env` file.

The three engines keep their customary names (`DATABASE_URL`, `REDIS_URL`, `STORAGE_URL`); the rest
begin with `YANPIAO_`.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, HttpUrl, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from archive.bucket_address import BucketAddress
from archive.keyring import Keyring
from verifiers.portal.settings import is_loopback

TAX_AUTHORITY_PORTAL = "https://inv-veri.chinatax.gov.cn/"


class Settings(BaseSettings):
    """Sizes are bytes, times are seconds, numbers of workers are processes."""

    model_config = SettingsConfigDict(
        env_prefix="YANPIAO_", env_file=".env", env_file_encoding="utf-8", extra="ignore"
    )

    data: Path = Field(Path("data"), description="Folder that holds everything Yanpiao keeps.")
    database_url: str = Field(
        "",
        repr=False,
        validation_alias=AliasChoices("DATABASE_URL", "YANPIAO_DATABASE_URL"),
        description="SQLAlchemy URL; empty: SQLite in the data folder.",
    )
    redis_url: str = Field(
        "",
        repr=False,
        validation_alias=AliasChoices("REDIS_URL", "YANPIAO_REDIS_URL"),
        description="Redis or Valkey, or `redis+sentinel://HOST:PORT,HOST:PORT/SERVICE`; empty: "
        "the bundled server, persisted in the data folder.",
    )
    storage_url: str = Field(
        "",
        validation_alias=AliasChoices("STORAGE_URL", "YANPIAO_STORAGE_URL"),
        description="Where originals, evidence and bags lie: a folder, or "
        "`s3://BUCKET/PREFIX?endpoint=URL&region=NAME`; empty: the data folder.",
    )
    storage_key: SecretStr = Field(
        SecretStr(""),
        validation_alias=AliasChoices("STORAGE_KEY", "YANPIAO_STORAGE_KEY"),
        description="Keys that files and bags are sealed with (age, as `yanpiao storage new-key` "
        "makes them), the one for writing first; empty: they lie as they are.",
    )
    storage_key_file: Path | None = Field(
        None,
        validation_alias=AliasChoices("STORAGE_KEY_FILE", "YANPIAO_STORAGE_KEY_FILE"),
        description="The same in a file.",
    )

    web_host: str = Field("127.0.0.1", description="Address the web server listens on.")
    web_port: int = Field(8080, ge=1, le=65535, description="Port of the web server.")

    allowed_hosts: list[str] = Field(
        ["localhost", "127.0.0.1", "[::1]"],
        description="Host names under which the web server may be called.",
    )

    web_url: str = Field(
        "",
        description="Address by which people call the web server, as links to it begin; empty: "
        "http, with its host and port.",
    )
    secret_key: str = Field(
        "",
        repr=False,
        description="Seals what must be kept secret in the database, the same for all machines; "
        "empty: a file of its own in the data folder.",
    )
    oidc_issuer: str = Field(
        "",
        description="Address of the organisation's own sign-in (OpenID Connect); empty: none.",
    )
    oidc_client_id: str = Field("", description="Name by which that sign-in knows Yanpiao.")
    oidc_client_secret: str = Field(
        "", repr=False, description="What Yanpiao proves itself with to that sign-in."
    )
    oidc_login_claim: str = Field(
        "preferred_username", description="What that sign-in says which is the login here."
    )
    uploads_per_minute: int = Field(
        300, ge=1, description="Most requests a minute with which one person hands files in."
    )
    api_per_minute: int = Field(
        600, ge=1, description="Most requests a minute of one person's programs."
    )
    webhook_private: bool = Field(
        False,
        description="Let webhooks call addresses inside the house, also by http.",
    )
    session_idle: float = Field(
        2 * 3600, gt=0, description="Seconds without use after which a person must sign in again."
    )
    session_longest: float = Field(
        12 * 3600, gt=0, description="Seconds after which a person must sign in again in any case."
    )

    metrics_token: SecretStr = Field(
        SecretStr(""),
        description="Bearer token that /metrics asks for; empty: it answers this machine only.",
    )

    trace_url: str = Field(
        "",
        description="Collector of traces (OpenTelemetry, OTLP over HTTP), such as"
        " `http://HOST:4318/v1/traces`; empty: none are made.",
    )
    trace_share: float = Field(
        1.0, ge=0, le=1, description="Which part of all documents is traced: 1 is each of them."
    )

    smtp_host: str = Field("", description="Mail server for notices; empty: no e-mail.")
    smtp_port: int = Field(587, ge=1, le=65535, description="Port of the mail server.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="How the way to the mail server is kept secret."
    )
    smtp_user: str = Field("", description="Login at the mail server; empty: none.")
    smtp_password: SecretStr = Field(SecretStr(""), description="Password at the mail server.")
    smtp_from: str = Field("yanpiao@localhost", description="Sender of e-mails.")
    wecom_url: SecretStr = Field(
        SecretStr(""), description="Address of a WeCom group robot for the office; empty: none."
    )
    dingtalk_url: SecretStr = Field(
        SecretStr(""), description="Address of a DingTalk group robot; empty: none."
    )
    dingtalk_secret: SecretStr = Field(
        SecretStr(""), description="Secret of the DingTalk robot, where it signs."
    )
    feishu_url: SecretStr = Field(
        SecretStr(""), description="Address of a Feishu group robot; empty: none."
    )
    feishu_secret: SecretStr = Field(
        SecretStr(""), description="Secret of the Feishu robot, where it signs."
    )

    portal_url: HttpUrl = Field(
        HttpUrl(TAX_AUTHORITY_PORTAL), description="Address of the verification portal."
    )
    portal_ignore_certificate: bool = Field(
        False, description="Accept the portal's certificate even when it is not trusted."
    )
    portal_timeout: float = Field(30, gt=0, description="Longest wait for one portal step.")
    portal_browser: Literal["started", "attended"] = Field(
        "started",
        description="Whose browser: one that the worker starts, or a person's own running one.",
    )
    portal_chrome: str = Field(
        "http://127.0.0.1:9222",
        description="Debugging address of the attended browser; on this machine only.",
    )
    portal_per_minute: int = Field(
        30, ge=1, description="Most captchas (so checks) a minute at the portal, over all workers."
    )
    portal_per_day: int = Field(
        2000, ge=1, description="Most captchas (so checks) a day at the portal, over all workers."
    )
    chromium: Path | None = Field(None, description="Chromium to use; empty: looked for.")
    headless: bool = Field(True, description="Run the browser without a window.")
    captcha_seconds: float = Field(
        600, gt=0, description="How long a document's captcha is asked for, renewals included."
    )

    ocr_workers: int = Field(1, ge=1, description="Reading processes on this machine.")
    verify_workers: int = Field(1, ge=1, description="Browsers that verify side by side.")
    verify_tabs: int = Field(
        6, ge=1, le=16, description="Tabs of each browser, so documents it works on at once."
    )
    archive_workers: int = Field(1, ge=1, description="Sealing processes on this machine.")
    ocr_threads: int = Field(2, ge=1, description="Threads of one recognition engine.")
    reader_seconds: float = Field(120, gt=0, description="Longest reading of one document.")
    reader_documents: int = Field(
        200, ge=1, description="Documents after which a reading process is replaced."
    )
    reader_memory: int = Field(
        6 * 1024**3, ge=1024**3, description="Address space a reading process may use."
    )
    models: Path | None = Field(None, description="Recognition models; empty: from the package.")

    max_file_size: int = Field(50 * 1024**2, ge=1, description="Largest file that is accepted.")
    max_files: int = Field(200, ge=1, description="Most files in one upload.")
    max_upload_size: int = Field(
        1024**3, ge=1, description="Largest upload over HTTP, all its files together."
    )
    max_queue: int = Field(
        50_000, ge=0, description="Files waiting to be read at which no more are taken in; 0: any."
    )
    max_queue_age: float = Field(
        0,
        ge=0,
        description="Seconds the first of them waits at which no more are taken in; 0: any.",
    )
    least_free_disk: int = Field(
        1024**3, ge=0, description="Free bytes of the data folder's disk below which none are."
    )
    lease_seconds: float = Field(
        20, gt=0, description="After this long without a sign of life a worker counts as dead."
    )
    clock_seconds: float = Field(5, gt=0, description="Pause between two rounds of the clock.")
    max_tries: int = Field(3, ge=1, description="Tries of a reading before it counts as failed.")
    max_losses: int = Field(
        10,
        ge=1,
        description="So often a worker may be lost (killed, power cut) over one document before "
        "the document counts as failed.",
    )
    inbox: Path | None = Field(
        None, description="Watched folder; empty: `inbox` in the data folder."
    )
    vendor: Path | None = Field(
        None, description="Description of a vendor's interface, where the policy's roads name one."
    )
    shenzhen_origin: HttpUrl | None = Field(
        None, description="A stand-in for the page of Shenzhen's tax bureau; empty: the real one."
    )
    policy: Path | None = Field(
        None,
        description="The organisation's rules; empty: `policy.toml` in the data folder, if any.",
    )
    audit_seconds: float = Field(
        600, gt=0, description="Longest that a row of the audit trail stays unsigned."
    )
    audit_copy: Path | None = Field(
        None,
        description="Second place for the audit trail's signed heads: a file that is only appended"
        " to, or a folder for it; best on another machine.",
    )
    signature_roots: Path | None = Field(
        None,
        description="Folder of trusted certificates (PEM) for signatures; empty: none is trusted.",
    )
    language: Literal["zh", "en"] = Field("en", description="Language of the command line.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least weight of a log line that is written."
    )
    log_format: Literal["line", "json"] = Field(
        "line", description="How a log line is written: `name=value` pairs, or JSON."
    )

    @field_validator("storage_url")
    @classmethod
    def _a_place(cls, url: str) -> str:
        if "://" in url and not url.startswith("file://"):
            BucketAddress.parse(url)
        return url

    @field_validator("portal_chrome")
    @classmethod
    def _on_this_machine(cls, url: str) -> str:
        if not is_loopback(url):
            raise ValueError("the attended browser must run on this machine (127.0.0.1)")
        return url

    @property
    def keyring(self) -> Keyring | None:
        """The keys that files and bags are sealed with. Raises `BadStorageKey`."""
        if self.storage_key_file is not None:
            return Keyring.load(self.storage_key_file.expanduser())
        return Keyring.parse(self.storage_key.get_secret_value())

    @cached_property
    def root(self) -> Path:
        """The data folder, absolute."""
        return self.data.expanduser().resolve()

    @property
    def oidc_offered(self) -> bool:
        """Whether the organisation's own sign-in is another way in."""
        return bool(self.oidc_issuer and self.oidc_client_id)

    @property
    def public_url(self) -> str:
        """How links to the web server begin, without a slash at the end."""
        host = f"[{self.web_host}]" if ":" in self.web_host else self.web_host
        return self.web_url.rstrip("/") or f"http://{host}:{self.web_port}"

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.root / 'yanpiao.db'}"

    @property
    def files(self) -> Path:
        return self.root / "files"

    @property
    def bags(self) -> Path:
        return self.root / "bags"

    @property
    def watched(self) -> Path:
        return (self.inbox or self.root / "inbox").expanduser().resolve()

    @property
    def policy_file(self) -> Path | None:
        """The organisation's rules; None where there are none of its own."""
        own = self.root / "policy.toml"
        return self.policy or (own if own.exists() else None)

    @property
    def voucher_inbox(self) -> Path:
        """Where the accounting system lays its voucher files."""
        return self.root / "vouchers-inbox"

    @property
    def is_tax_authority(self) -> bool:
        """False when verdicts come from somewhere else than the real portal, which every
        page and table then says."""
        return self.portal_url.host == HttpUrl(TAX_AUTHORITY_PORTAL).host
