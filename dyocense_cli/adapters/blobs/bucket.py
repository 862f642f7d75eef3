"""One tenant's part of an S3 bucket: plain S3 calls only, checksummed, retried, created once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Final
from urllib.parse import parse_qs, urlsplit

from obstore.exceptions import AlreadyExistsError, BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from dyocense_cli.errors import StoreError, UnavailableError, UsageError

__all__ = ["Bucket"]

#: Tries after the first, and the longest time one call may take with all its tries (seconds): a server under load resets connections.
RETRIES: Final = 8
PATIENCE_S: Final = 60.0


class Bucket:
    """``s3://bucket/prefix[?endpoint=http://host:port&region=…]``, keys below ``prefix/<part>``.

    Parameters
    ----------
    url : str
        The store's URL; an `endpoint` in it wins over the argument.
    part : str
        Where this adapter's keys stand, such as ``acme/runs``; no key outside it can be named.
    """

    def __init__(
        self,
        url: str,
        part: str,
        *,
        endpoint: str = "",
        access_key: str = "",
        secret_key: str = "",
        retries: int = RETRIES,
        patience_s: float = PATIENCE_S,
    ) -> None:
        split = urlsplit(url)
        asked = parse_qs(split.query)
        if split.scheme != "s3" or not split.netloc:
            raise UsageError("DY4303", f"`{url}` is not a store", hints="write s3://bucket/prefix, or a folder")
        self.endpoint = asked.get("endpoint", [endpoint])[0]
        self.name = split.netloc
        prefix = "/".join(p for p in (split.path.strip("/"), part.strip("/")) if p)
        self.place = f"s3://{self.name}/{prefix}"
        self._store = S3Store(
            self.name,
            prefix=prefix,
            **{k: v for k, v in (("endpoint", self.endpoint), ("access_key_id", access_key), ("secret_access_key", secret_key)) if v},
            region=asked.get("region", ["us-east-1"])[0],
            virtual_hosted_style_request=False,
            checksum_algorithm="SHA256",
            client_options={
                "allow_http": self.endpoint.startswith("http://"),
                "timeout": timedelta(seconds=patience_s),
                "connect_timeout": timedelta(seconds=5),
            },
            retry_config={
                "max_retries": retries,
                "retry_timeout": timedelta(seconds=patience_s),
                "backoff": {"init_backoff": timedelta(milliseconds=50), "max_backoff": timedelta(seconds=2), "base": 2},
            },
        )

    def create(self, key: str, data: bytes) -> bool:
        """Store bytes under a key that is free; False if it is taken (another writer was first, or our own answer was lost)."""
        with self._calling(key):
            try:
                self._store.put(key, data, mode="create")
            except AlreadyExistsError:
                return False
            return True

    def replace(self, key: str, data: bytes) -> None:
        """Store bytes under a key, whatever stands there."""
        with self._calling(key):
            self._store.put(key, data, mode="overwrite")

    def read(self, key: str) -> bytes | None:
        """Return the bytes under a key, None if it is free."""
        with self._calling(key):
            try:
                return bytes(self._store.get(key).bytes())
            except FileNotFoundError:
                return None

    def size(self, key: str) -> int | None:
        """Return the number of bytes under a key, None if it is free."""
        with self._calling(key):
            try:
                return int(self._store.head(key)["size"])
            except FileNotFoundError:
                return None

    def keys(self, below: str = "") -> list[str]:
        """Return all keys, sorted."""
        with self._calling(below):
            try:
                return sorted(meta["path"] for page in self._store.list(below or None) for meta in page)
            except FileNotFoundError:
                return []

    def delete(self, key: str) -> None:
        """Remove a key; absent is a no-op."""
        with self._calling(key), contextlib.suppress(FileNotFoundError):
            self._store.delete(key)

    @contextlib.contextmanager
    def _calling(self, key: str) -> Iterator[None]:
        """Turn what the client raises after all its tries into our errors; the client's text is not ours and is not shown."""
        try:
            yield
        except (PermissionDeniedError, UnauthenticatedError) as error:
            raise UnavailableError(
                "DY4302", f"{self.place} does not let us in", hints="check DYOCENSE_S3_ACCESS_KEY and DYOCENSE_S3_SECRET_KEY"
            ) from error
        except FileNotFoundError as error:
            raise UnavailableError(
                "DY4302", f"bucket `{self.name}` does not exist", hints=f"create the bucket at {self.endpoint}"
            ) from error
        except (BaseError, OSError) as error:
            if "NoSuchBucket" in str(error):
                raise UnavailableError(
                    "DY4302", f"bucket `{self.name}` does not exist", hints=f"create the bucket at {self.endpoint}"
                ) from error
            raise UnavailableError(
                "DY4301",
                f"{self.place} cannot be reached",
                hints="start the server, then `dyocense runs push`",
                why=f"at {key}" if key else "",
            ) from error
        except ValueError as error:
            raise StoreError("DY5003", f"`{key}` is not a key", hints="dyocense runs list") from error
