"""A small gateway, written from the proto files alone.

It prints a line of JSON for each step, which the test compares. Arguments: address of the data plane, address of the
admin plane, organization. Environment: SERVICE_TOKEN, ADMIN_SECRET.
"""

import json
import os
import queue
import sys

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from tollgate.admin.v1 import organizations_pb2, organizations_pb2_grpc
from tollgate.admin.v1 import policies_pb2, policies_pb2_grpc
from tollgate.v1 import call_pb2, decision_pb2, decision_pb2_grpc
from tollgate.v1 import error_reason_pb2, limit_pb2, outcome_pb2

TIMEOUT_S = 60


def say(step, **fields):
    """Prints a step and what came of it."""
    print(json.dumps({"step": step, **fields}), flush=True)


def say_check(step, check):
    outcome = check.outcome
    say(
        step,
        decision=outcome_pb2.Decision.Name(outcome.decision),
        replayed=check.replayed,
        hold_state=outcome_pb2.HoldState.Name(check.hold_state),
        held_input=outcome.held_input_tokens,
        held_output=outcome.held_output_tokens,
        expires=outcome.HasField("expire_time"),
    )


def say_status(step, status):
    """Prints the details of an error, and returns the metadata of its ErrorInfo."""
    info = error_details_pb2.ErrorInfo()
    bad_request = error_details_pb2.BadRequest()
    retry_info = error_details_pb2.RetryInfo()
    has_retry_info = False
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(bad_request)
        has_retry_info = detail.Unpack(retry_info) or has_retry_info
    name = "ERROR_REASON_" + info.reason
    say(
        step,
        code=status.code,
        reason=info.reason,
        domain=info.domain,
        in_enum=error_reason_pb2.ErrorReason.Value(name) > 0,
        metadata=dict(info.metadata),
        fields=[violation.field for violation in bad_request.field_violations],
        retry_info=has_retry_info,
    )
    return dict(info.metadata)


class Gateway:
    """A gateway of one organization."""

    def __init__(self, data_address, admin_address, org):
        self.org = org
        self.token = [("authorization", "Bearer " + os.environ["SERVICE_TOKEN"])]
        self.secret = [("authorization", "Bearer " + os.environ["ADMIN_SECRET"])]
        self.admin = grpc.insecure_channel(admin_address)
        self.decisions = decision_pb2_grpc.DecisionServiceStub(grpc.insecure_channel(data_address))

    def call(self, method, request):
        return method(request, metadata=self.token, timeout=TIMEOUT_S)

    def administer(self, method, request):
        return method(request, metadata=self.secret, timeout=TIMEOUT_S)

    def refusal(self, step, method, request, metadata):
        """Makes a call that must fail; prints why, and returns the metadata of its ErrorInfo."""
        try:
            method(request, metadata=metadata, timeout=TIMEOUT_S)
        except grpc.RpcError as error:
            return say_status(step, rpc_status.from_call(error))
        sys.exit(step + ": expected an error")

    def declare(self):
        """Makes an organization with a budget of 10,000 tokens a day, on the admin plane."""
        organizations = organizations_pb2_grpc.OrganizationServiceStub(self.admin)
        created = self.administer(
            organizations.CreateOrganization,
            organizations_pb2.CreateOrganizationRequest(
                organization=organizations_pb2.Organization(id=self.org, display_name="Smoke"),
                reason="smoke client",
                request_id="create-" + self.org,
            ),
        ).organization
        say("create_organization", id=created.id, has_etag=created.etag != "")
        limit = policies_pb2.Limit(
            name="cap",
            metric=limit_pb2.METRIC_TOKENS,
            window=limit_pb2.WINDOW_DAY,
            amount="10000",
        )
        put = self.administer(
            policies_pb2_grpc.PolicyServiceStub(self.admin).UpdatePolicy,
            policies_pb2.UpdatePolicyRequest(
                org_id=self.org,
                policy=policies_pb2.Policy(subject="org", limits=[limit]),
                reason="smoke client",
            ),
        ).revision
        say("put_policy", revision=put.revision)
        stale = organizations_pb2.Organization(id=self.org, display_name="Other", etag="another")
        update = organizations_pb2.UpdateOrganizationRequest(
            organization=stale, reason="smoke client"
        )
        method = organizations.UpdateOrganization
        metadata = self.refusal("stale_etag", method, update, self.secret)
        say("etag_of_error", is_present_one=metadata.get("etag") == created.etag)
        get = organizations_pb2.GetOrganizationRequest(org_id=self.org)
        method = organizations.GetOrganization
        self.refusal("service_token_on_admin_plane", method, get, self.token)

    def check_request(self, request_id, input_tokens, output_tokens):
        return decision_pb2.CheckRequest(
            org_id=self.org,
            request_id=request_id,
            subjects=call_pb2.Subjects(user="alice"),
            target="gpt-4o",
            estimate=call_pb2.Estimate(input_tokens=input_tokens, output_tokens=output_tokens),
        )

    def check(self, request_id, input_tokens, output_tokens):
        request = self.check_request(request_id, input_tokens, output_tokens)
        return self.call(self.decisions.Check, request)

    def report(self, request_id, input_tokens, output_tokens):
        request = decision_pb2.ReportRequest(
            org_id=self.org,
            request_id=request_id,
            subjects=call_pb2.Subjects(user="alice"),
            target="gpt-4o",
            usage=call_pb2.Usage(input_tokens=input_tokens, output_tokens=output_tokens),
        )
        return self.call(self.decisions.Report, request)

    def release_request(self, request_id):
        return decision_pb2.ReleaseRequest(org_id=self.org, request_id=request_id)

    def allowed(self):
        """Follows a call from Check to Report."""
        say_check("check", self.check("call-1", 1000, 500))
        say_check("check_again", self.check("call-1", 1000, 500))
        added = call_pb2.Estimate(output_tokens=500)
        request = decision_pb2.ExtendRequest(
            org_id=self.org, request_id="call-1", sequence=1, added=added
        )
        outcome = self.call(self.decisions.Extend, request).outcome
        decision = outcome_pb2.Decision.Name(outcome.decision)
        say("extend", decision=decision, held_output=outcome.held_output_tokens)
        report = self.report("call-1", 1000, 700)
        say(
            "report",
            input=report.input_tokens,
            output=report.output_tokens,
            over_hold=report.over_hold,
            replayed=report.replayed,
        )
        say("report_again", replayed=self.report("call-1", 1000, 700).replayed)

    def denied(self):
        """Asks for more than the budget has left, then for what the answer says is affordable."""
        check = self.check("call-2", 1000, 50000)
        outcome, binding = check.outcome, check.outcome.binding
        affordable = outcome.obligations.max_output_tokens
        say(
            "denial",
            decision=outcome_pb2.Decision.Name(outcome.decision),
            reason=outcome_pb2.Reason.Name(outcome.reason),
            limit=binding.limit,
            metric=limit_pb2.Metric.Name(binding.metric),
            amount=binding.amount,
            used=binding.used,
            ask=binding.ask,
            remaining=binding.remaining,
            hold_state=outcome_pb2.HoldState.Name(check.hold_state),
            says_when=outcome.HasField("retry_after"),
            affordable=affordable,
        )
        say_check("affordable", self.check("call-3", 1000, affordable))
        release = self.call(self.decisions.Release, self.release_request("call-3"))
        say("release", replayed=release.replayed)
        say_check("check_after_release", self.check("call-3", 1000, affordable))

    def refused(self):
        """Makes mistakes."""
        check, release = self.decisions.Check, self.decisions.Release
        self.refusal("conflict", check, self.check_request("call-1", 1000, 501), self.token)
        self.refusal("release_of_settled", release, self.release_request("call-1"), self.token)
        self.refusal("release_of_unknown", release, self.release_request("nobody"), self.token)
        invalid = decision_pb2.CheckRequest(
            org_id=self.org, estimate=call_pb2.Estimate(input_tokens=-1)
        )
        self.refusal("invalid", check, invalid, self.token)
        anonymous = decision_pb2.CheckRequest(target="gpt-4o")
        self.refusal("no_token", check, anonymous, [])
        large = decision_pb2.CheckRequest(org_id=self.org, target="x" * (8 << 20))
        self.refusal("too_large", check, large, self.token)

    def session(self):
        """Sends a Check, its Report and a mistake over one stream. Answers come in any order."""
        requests = queue.SimpleQueue()
        answers = self.decisions.Session(
            iter(requests.get, None), metadata=self.token, timeout=TIMEOUT_S
        )
        check = self.check_request("call-4", 10, 10)
        check.ClearField("subjects")
        extend = decision_pb2.ExtendRequest(org_id=self.org, request_id="call-1", sequence=2)
        requests.put(decision_pb2.SessionRequest(correlation_id="a", check=check))
        requests.put(decision_pb2.SessionRequest(correlation_id="b", extend=extend))
        first = {answer.correlation_id: answer for answer in (next(answers), next(answers))}
        say_check("session_check", first["a"].check)
        say_status("session_error", first["b"].error)
        report = decision_pb2.ReportRequest(
            org_id=self.org,
            request_id="call-4",
            target="gpt-4o",
            usage=call_pb2.Usage(input_tokens=10, output_tokens=4),
        )
        requests.put(decision_pb2.SessionRequest(correlation_id="a", report=report))
        say("session_report", output=next(answers).report.output_tokens)
        requests.put(None)
        say("session_end", ok=next(answers, None) is None)


if __name__ == "__main__":
    gateway = Gateway(*sys.argv[1:4])
    gateway.declare()
    gateway.allowed()
    gateway.denied()
    gateway.refused()
    gateway.session()
