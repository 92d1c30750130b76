"""A small client of the Kubernetes API: JSON in, JSON out, every failure an error of its own.

It sends requests through the ``kubernetes`` package's transport (``rest.RESTClientObject``), below its ``ApiClient``:
the call signature of that one changed between releases, and it pulls in the generated models.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from kubectl_sops.cluster.failure import (
    AlreadyExistsError,
    ChangedMeanwhileError,
    CredentialsError,
    ForbiddenError,
    InvalidObjectError,
    NamespaceNotFoundError,
    ObjectNotFoundError,
    UnreachableError,
)
from kubectl_sops.cluster.kubeconfig import Access, load_access
from kubectl_sops.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Object = dict[str, Any]

CONNECT_TIMEOUT = 10.0
"""Seconds to wait for a connection; within a cluster's reach it takes far less."""

USER_AGENT = "kubectl-sops"

_USER = re.compile(r'User "([^"]*)"')


class Resource:
    """A kind of object: the API path that it is under, its plural and singular name."""

    __slots__ = ("api", "name", "plural")

    def __init__(self, api: str, plural: str, name: str) -> None:
        self.api = api
        self.plural = plural
        self.name = name

    def path(self, namespace: str | None, name: str | None) -> str:
        parts = [self.api]
        if namespace is not None:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.plural)
        if name is not None:
            parts.append(quote(name, safe=""))
        return "/".join(parts)


SECRETS = Resource("/api/v1", "secrets", "secret")
NAMESPACES = Resource("/api/v1", "namespaces", "namespace")


class Client:
    """One API server, as one user."""

    def __init__(self, access: Access) -> None:
        from kubernetes.client.rest import RESTClientObject

        access.configuration.retries = False  # a refused connection is an answer; a write must not be sent twice
        self.context = access.context
        self.server: str = str(access.configuration.host).rstrip("/")
        self._access = access
        self._rest = RESTClientObject(access.configuration)

    def get(self, resource: Resource, name: str, namespace: str | None = None) -> Object:
        """Read one object."""
        return self._call("GET", resource, namespace, name, None, verb="get")

    def list(self, resource: Resource, namespace: str | None = None) -> list[Object]:
        """Read all objects of a kind, in one namespace or in all."""
        items: list[Object] = self._call("GET", resource, namespace, None, None, verb="list").get("items") or []
        return items

    def create(self, resource: Resource, body: Object, namespace: str | None = None) -> Object:
        """Create an object.

        Raises:
            AlreadyExistsError: one of that name is there.
            NamespaceNotFoundError: its namespace is not.
        """
        return self._call("POST", resource, namespace, None, body, verb="create")

    def patch(self, resource: Resource, name: str, changes: Object, namespace: str | None = None) -> Object:
        """Merge ``changes`` into an object; ``None`` removes a field.

        Where ``changes`` hold ``metadata.resourceVersion``, the object must still be at that version.

        Raises:
            ChangedMeanwhileError: it is at another one.
        """
        return self._call("PATCH", resource, namespace, name, changes, verb="patch")

    def apply(
        self, resource: Resource, name: str, body: Object, namespace: str | None = None, *, manager: str, dry_run: bool
    ) -> Object:
        """The object that server-side apply makes of ``body``; fields that others own are taken over.

        Raises:
            InvalidObjectError: it is not valid, or a field that can't change would.
        """
        query = urlencode({"fieldManager": manager, "force": "true", **({"dryRun": "All"} if dry_run else {})})
        url = f"{self.server}{resource.path(namespace, name)}?{query}"
        status, data = self._send("PATCH", url, body, "application/apply-patch+yaml")
        return self._answer(status, data, resource, namespace, name, "patch")

    def discover(self, api: str) -> Sequence[Object]:
        """What there is under an API path such as ``/apis/apps/v1``; nothing where the server does not know it."""
        status, data = self._send("GET", self.server + api, None)
        if status == 404:
            return []
        found: Sequence[Object] = self._answer(status, data, Resource(api, "APIs", "API"), None, None, "get")[
            "resources"
        ]
        return found

    def _call(
        self,
        method: str,
        resource: Resource,
        namespace: str | None,
        name: str | None,
        body: Object | None,
        *,
        verb: str,
    ) -> Object:
        status, data = self._send(method, self.server + resource.path(namespace, name), body)
        return self._answer(status, data, resource, namespace, name, verb)

    def _answer(
        self, status: int, data: bytes, resource: Resource, namespace: str | None, name: str | None, verb: str
    ) -> Object:
        if 200 <= status < 300:
            try:
                answer: Object = json.loads(data)
            except ValueError:
                raise ClusterError(
                    f"{self.server} does not answer like a Kubernetes API server", hint="check the context"
                ) from None
            return answer
        raise self._refusal(status, data, resource, namespace, name, verb)

    def _send(self, method: str, url: str, body: Object | None, content_type: str | None = None) -> tuple[int, bytes]:
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        timeout = self._access.timeout
        try:
            response = self._rest.request(
                method,
                url,
                headers=self._headers(method, content_type),
                body=body,
                _request_timeout=(min(CONNECT_TIMEOUT, timeout), timeout) if timeout else None,
            )
            data = response.read() if response.data is None else response.data
        except ApiException as error:
            if not error.status:
                raise self._unreachable(error) from None
            return int(error.status), _bytes(error.body)
        except (HTTPError, OSError) as error:
            raise self._unreachable(error) from None
        return int(response.status), _bytes(data)

    def _headers(self, method: str, content_type: str | None) -> Mapping[str, str]:
        from urllib3 import HTTPHeaderDict

        configuration = self._access.configuration
        headers = HTTPHeaderDict({"Accept": "application/json", "User-Agent": USER_AGENT})
        if content_type is not None:
            headers["Content-Type"] = content_type
        elif method == "PATCH":
            headers["Content-Type"] = "application/merge-patch+json"
        elif method != "GET":
            headers["Content-Type"] = "application/json"
        if configuration.refresh_api_key_hook is not None:
            configuration.refresh_api_key_hook(configuration)  # a token that is about to expire
        # the package has changed the name under which it keeps the token
        token = configuration.api_key.get("BearerToken") or configuration.api_key.get("authorization")
        if token:
            headers["Authorization"] = token
        for name, value in self._access.impersonate:
            headers.add(name, value)
        return headers

    def _unreachable(self, error: BaseException) -> UnreachableError:
        chain: list[BaseException] = []
        step: object = error
        while isinstance(step, BaseException) and step not in chain:
            chain.append(step)
            step = step.__cause__ or step.__context__ or next((a for a in step.args if isinstance(a, Exception)), None)
        names = " ".join(type(e).__name__ for e in chain) + str(getattr(error, "reason", ""))
        hint = "check the network, VPN and proxy, or choose another cluster with --context"
        if "SSL" in names or "CERTIFICATE" in names:
            return UnreachableError(
                f"the API server {self.server} can't be trusted: its certificate is not what the kubeconfig says",
                hint="check certificate-authority and server in the kubeconfig",
            )
        why = "no answer"
        if "NameResolution" in names or "gaierror" in names:
            why = "its name can't be resolved"
        elif "Timeout" in names:
            why = "no answer in time"
        elif "ConnectionRefused" in names:
            why = "connection refused"
        return UnreachableError(f"the API server {self.server} can't be reached: {why}", hint=hint)

    def _refusal(
        self, status: int, data: bytes, resource: Resource, namespace: str | None, name: str | None, verb: str
    ) -> ClusterError:
        answer = _status(data)
        where = f" in namespace {namespace}" if namespace else ""
        what = f"{resource.name}/{name}" if name else resource.plural
        if status == 401:
            whose = f"the credentials of context {self.context}" if self.context else "the credentials"
            return CredentialsError(
                f"{whose} are expired or not valid", hint="log in again, or choose another context with --context"
            )
        if status == 403:
            user = _USER.search(str(answer.get("message", "")))
            scope = f" -n {namespace}" if namespace else ""
            return ForbiddenError(
                f"{user[1] if user else 'you'} may not {verb} {resource.plural}{where}",
                hint=f"ask for a role that allows it (`kubectl auth can-i {verb} {resource.plural}{scope}`), "
                "or use --context or --as",
            )
        if status == 404:
            details = answer.get("details")
            kind = str(details.get("kind", "")) if isinstance(details, dict) else ""
            if resource is not NAMESPACES and kind == "namespaces" and namespace:
                return NamespaceNotFoundError(f"there is no namespace {namespace}")
            if resource is NAMESPACES:
                return NamespaceNotFoundError(f"there is no namespace {name}")
            return ObjectNotFoundError(f"there is no {what}{where}")
        if status == 409:
            if verb == "create":
                return AlreadyExistsError(f"there already is a {resource.name} of that name{where}")
            return ChangedMeanwhileError(f"somebody else changed {what}{where} meanwhile", hint="try again")
        if status == 422:
            fields, immutable = _causes(answer)
            listed = f": {', '.join(fields)}" if fields else ""
            return InvalidObjectError(f"the API server does not accept {what}{where}{listed}", immutable=immutable)
        # reason is one of the API's fixed words; the message could quote the object
        reason = str(answer.get("reason", "")) if re.fullmatch(r"\w+", str(answer.get("reason", ""))) else ""
        return ClusterError(f"the API server refused to {verb} {what}{where}: {status} {reason}".rstrip())


def _causes(answer: Object) -> tuple[list[str], bool]:
    """The fields that a refusal names, and whether one of them can't be changed. Its messages quote values."""
    details = answer.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    causes = [cause for cause in causes if isinstance(cause, dict)] if isinstance(causes, list) else []
    immutable = any("immutable" in str(cause.get("message")) for cause in causes)
    return [str(cause.get("field")) for cause in causes if cause.get("field")], immutable


def _status(data: bytes) -> Object:
    try:
        answer = json.loads(data)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _bytes(data: object) -> bytes:
    if isinstance(data, bytes):
        return data
    return data.encode() if isinstance(data, str) else b""


def connect(values: Mapping[str, object]) -> Client:
    """A client of the API server that kubectl would talk to; nothing is sent yet.

    Args:
        values: kubectl's flags as ``option_table.CLUSTER`` names them.
    """
    return Client(load_access(values))
