// A small gateway, written from the proto files alone. It prints a line of JSON for each step, which the test
// compares. Arguments: address of the data plane, address of the admin plane, organization. Environment:
// SERVICE_TOKEN, ADMIN_SECRET.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"maps"
	"os"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	adminv1 "gateway.example/gen/tollgate/admin/v1"
	tollgatev1 "gateway.example/gen/tollgate/v1"
)

// gateway holds what every step needs.
type gateway struct {
	ctx       context.Context // with the service token
	anonymous context.Context
	admin     context.Context // with the admin secret
	org       string
	decisions tollgatev1.DecisionServiceClient
	adminConn *grpc.ClientConn
}

func main() {
	log.SetFlags(0)
	dataAddress, adminAddress, org := os.Args[1], os.Args[2], os.Args[3]
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	dataConn, adminConn := dial(dataAddress), dial(adminAddress)
	defer dataConn.Close()
	defer adminConn.Close()
	g := &gateway{
		ctx:       bearer(ctx, os.Getenv("SERVICE_TOKEN")),
		anonymous: ctx,
		admin:     bearer(ctx, os.Getenv("ADMIN_SECRET")),
		org:       org,
		decisions: tollgatev1.NewDecisionServiceClient(dataConn),
		adminConn: adminConn,
	}
	g.declare()
	g.allowed()
	g.denied()
	g.refused()
	g.session()
}

func dial(address string) *grpc.ClientConn {
	return must(grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials())))
}

func bearer(ctx context.Context, secret string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+secret)
}

// declare makes an organization with a budget of 10,000 tokens a day, on the admin plane.
func (g *gateway) declare() {
	organizations := adminv1.NewOrganizationServiceClient(g.adminConn)
	created := must(organizations.CreateOrganization(g.admin, &adminv1.CreateOrganizationRequest{
		Organization: &adminv1.Organization{Id: g.org, DisplayName: proto.String("Smoke")},
		Reason:       "smoke client",
		RequestId:    proto.String("create-" + g.org),
	})).GetOrganization()
	say("create_organization", fields{"id": created.GetId(), "has_etag": created.GetEtag() != ""})

	policies := adminv1.NewPolicyServiceClient(g.adminConn)
	put := must(policies.UpdatePolicy(g.admin, &adminv1.UpdatePolicyRequest{
		OrgId: g.org,
		Policy: &adminv1.Policy{Subject: "org", Limits: []*adminv1.Limit{{
			Name:   "cap",
			Metric: tollgatev1.Metric_METRIC_TOKENS,
			Window: tollgatev1.Window_WINDOW_DAY,
			Bound:  &adminv1.Limit_Amount{Amount: "10000"},
		}}},
		Reason: "smoke client",
	})).GetRevision()
	say("put_policy", fields{"revision": put.GetRevision()})

	_, err := organizations.UpdateOrganization(g.admin, &adminv1.UpdateOrganizationRequest{
		Organization: &adminv1.Organization{Id: g.org, DisplayName: proto.String("Other"), Etag: "another"},
		Reason:       "smoke client",
	})
	refusal := sayError("stale_etag", err)
	say("etag_of_error", fields{"is_present_one": refusal["etag"] == created.GetEtag()})
	_, err = organizations.GetOrganization(g.ctx, &adminv1.GetOrganizationRequest{OrgId: g.org})
	sayError("service_token_on_admin_plane", err)
}

func (g *gateway) check(requestID string, input, output int64) (*tollgatev1.CheckResponse, error) {
	return g.decisions.Check(g.ctx, &tollgatev1.CheckRequest{
		OrgId:     proto.String(g.org),
		RequestId: proto.String(requestID),
		Subjects:  &tollgatev1.Subjects{User: proto.String("alice")},
		Target:    "gpt-4o",
		Estimate:  &tollgatev1.Estimate{InputTokens: input, OutputTokens: proto.Int64(output)},
	})
}

// allowed follows a call from Check to Report.
func (g *gateway) allowed() {
	check := must(g.check("call-1", 1000, 500))
	sayCheck("check", check)
	sayCheck("check_again", must(g.check("call-1", 1000, 500)))

	extend := must(g.decisions.Extend(g.ctx, &tollgatev1.ExtendRequest{
		OrgId:     proto.String(g.org),
		RequestId: "call-1",
		Sequence:  1,
		Added:     &tollgatev1.Estimate{OutputTokens: proto.Int64(500)},
	}))
	say("extend", fields{
		"decision":    extend.GetOutcome().GetDecision().String(),
		"held_output": extend.GetOutcome().GetHeldOutputTokens(),
	})

	report := must(g.report("call-1", 1000, 700))
	say("report", fields{
		"input": report.GetInputTokens(), "output": report.GetOutputTokens(),
		"over_hold": report.GetOverHold(), "replayed": report.GetReplayed(),
	})
	say("report_again", fields{"replayed": must(g.report("call-1", 1000, 700)).GetReplayed()})
}

func (g *gateway) report(requestID string, input, output int64) (*tollgatev1.ReportResponse, error) {
	return g.decisions.Report(g.ctx, &tollgatev1.ReportRequest{
		OrgId:     proto.String(g.org),
		RequestId: requestID,
		Subjects:  &tollgatev1.Subjects{User: proto.String("alice")},
		Target:    proto.String("gpt-4o"),
		Usage:     &tollgatev1.Usage{InputTokens: input, OutputTokens: output},
	})
}

// denied asks for more than the budget has left, then for what the answer says is affordable.
func (g *gateway) denied() {
	check := must(g.check("call-2", 1000, 50000))
	outcome := check.GetOutcome()
	binding := outcome.GetBinding()
	say("denial", fields{
		"decision": outcome.GetDecision().String(), "reason": outcome.GetReason().String(),
		"limit": binding.GetLimit(), "metric": binding.GetMetric().String(),
		"amount": binding.GetAmount(), "used": binding.GetUsed(), "ask": binding.GetAsk(),
		"remaining": binding.GetRemaining(), "hold_state": check.GetHoldState().String(),
		"says_when":  outcome.GetRetryAfter() != nil,
		"affordable": outcome.GetObligations().GetMaxOutputTokens(),
	})
	affordable := outcome.GetObligations().GetMaxOutputTokens()
	sayCheck("affordable", must(g.check("call-3", 1000, affordable)))
	release := must(g.decisions.Release(g.ctx, &tollgatev1.ReleaseRequest{
		OrgId: proto.String(g.org), RequestId: "call-3",
	}))
	say("release", fields{"replayed": release.GetReplayed()})
	sayCheck("check_after_release", must(g.check("call-3", 1000, affordable)))
}

// refused makes mistakes.
func (g *gateway) refused() {
	_, err := g.check("call-1", 1000, 501)
	sayError("conflict", err)
	_, err = g.decisions.Release(g.ctx, &tollgatev1.ReleaseRequest{
		OrgId: proto.String(g.org), RequestId: "call-1",
	})
	sayError("release_of_settled", err)
	_, err = g.decisions.Release(g.ctx, &tollgatev1.ReleaseRequest{
		OrgId: proto.String(g.org), RequestId: "nobody",
	})
	sayError("release_of_unknown", err)
	_, err = g.decisions.Check(g.ctx, &tollgatev1.CheckRequest{
		OrgId:    proto.String(g.org),
		Estimate: &tollgatev1.Estimate{InputTokens: -1},
	})
	sayError("invalid", err)
	_, err = g.decisions.Check(g.anonymous, &tollgatev1.CheckRequest{Target: "gpt-4o"})
	sayError("no_token", err)
	_, err = g.decisions.Check(g.ctx, &tollgatev1.CheckRequest{
		OrgId: proto.String(g.org), Target: strings.Repeat("x", 8<<20),
	})
	sayError("too_large", err)
}

// session sends a Check, its Report and a mistake over one stream. Answers come in any order.
func (g *gateway) session() {
	stream := must(g.decisions.Session(g.ctx))
	send := func(request *tollgatev1.SessionRequest) {
		if err := stream.Send(request); err != nil {
			log.Fatal(err)
		}
	}
	send(&tollgatev1.SessionRequest{CorrelationId: "a", Operation: &tollgatev1.SessionRequest_Check{
		Check: &tollgatev1.CheckRequest{
			OrgId: proto.String(g.org), RequestId: proto.String("call-4"), Target: "gpt-4o",
			Estimate: &tollgatev1.Estimate{InputTokens: 10, OutputTokens: proto.Int64(10)},
		},
	}})
	send(&tollgatev1.SessionRequest{CorrelationId: "b", Operation: &tollgatev1.SessionRequest_Extend{
		Extend: &tollgatev1.ExtendRequest{
			OrgId: proto.String(g.org), RequestId: "call-1", Sequence: 2,
		},
	}})
	answers := map[string]*tollgatev1.SessionResponse{}
	for range 2 {
		answer := must(stream.Recv())
		answers[answer.GetCorrelationId()] = answer
	}
	sayCheck("session_check", answers["a"].GetCheck())
	sayStatus("session_error", answers["b"].GetError())
	send(&tollgatev1.SessionRequest{CorrelationId: "a", Operation: &tollgatev1.SessionRequest_Report{
		Report: &tollgatev1.ReportRequest{
			OrgId: proto.String(g.org), RequestId: "call-4", Target: proto.String("gpt-4o"),
			Usage: &tollgatev1.Usage{InputTokens: 10, OutputTokens: 4},
		},
	}})
	say("session_report", fields{"output": must(stream.Recv()).GetReport().GetOutputTokens()})
	if err := stream.CloseSend(); err != nil {
		log.Fatal(err)
	}
	_, err := stream.Recv()
	say("session_end", fields{"ok": errors.Is(err, io.EOF)})
}

type fields map[string]any

// say prints a step and what came of it.
func say(step string, more fields) {
	more["step"] = step
	line := must(json.Marshal(more))
	os.Stdout.Write(append(line, '\n'))
}

func sayCheck(step string, check *tollgatev1.CheckResponse) {
	outcome := check.GetOutcome()
	say(step, fields{
		"decision": outcome.GetDecision().String(), "replayed": check.GetReplayed(),
		"hold_state": check.GetHoldState().String(), "held_input": outcome.GetHeldInputTokens(),
		"held_output": outcome.GetHeldOutputTokens(), "expires": outcome.GetExpireTime() != nil,
	})
}

// sayError prints the details of a failed call, and returns the metadata of its ErrorInfo.
func sayError(step string, err error) map[string]string {
	if status.Code(err) == codes.OK {
		log.Fatalf("%s: expected an error", step)
	}
	return sayStatus(step, status.Convert(err).Proto())
}

func sayStatus(step string, failed *rpcstatus.Status) map[string]string {
	more := fields{"code": failed.GetCode(), "fields": []string{}, "retry_info": false}
	var info *errdetails.ErrorInfo
	for _, detail := range status.FromProto(failed).Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			info = detail
			value, isKnown := tollgatev1.ErrorReason_value["ERROR_REASON_"+detail.GetReason()]
			more["reason"], more["domain"] = detail.GetReason(), detail.GetDomain()
			more["in_enum"] = isKnown && value > 0
		case *errdetails.BadRequest:
			for _, violation := range detail.GetFieldViolations() {
				more["fields"] = append(more["fields"].([]string), violation.GetField())
			}
		case *errdetails.RetryInfo:
			more["retry_info"] = true
		}
	}
	keys := map[string]string{}
	maps.Copy(keys, info.GetMetadata())
	more["metadata"] = keys
	say(step, more)
	return keys
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}
