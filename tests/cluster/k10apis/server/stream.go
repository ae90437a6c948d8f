package server

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	auditinternal "k8s.io/apiserver/pkg/apis/audit"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	"k8s.io/apiserver/pkg/audit"
	"k8s.io/apiserver/pkg/audit/policy"
	genericserver "k8s.io/apiserver/pkg/server"
)

// DefaultEnvelope is how we suppose K10 wraps an audit event in its own log
// format; only the marker K10Event is documented.
const DefaultEnvelope = `{"File":"kasten.io/k10/kio/audit/backend.go","Function":"kasten.io/k10/kio/audit.(*backend).ProcessEvents",` +
	`"K10Event":$event,"cluster_name":"$cluster","hostname":"$pod","level":"info","msg":"K10Event","time":"$time","version":"9.0.9"}`

// The resources K10 audits, by what its documentation shows of the policy in
// its image; the end of that list is not public, and vault is inferred.
const auditPolicy = `
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: RequestResponse
  resources:
  - group: actions.DOMAIN
    resources: [backupactions, cancelactions, exportactions, importactions, restoreactions, retireactions, runactions]
  - group: apps.DOMAIN
    resources: [applications, clusterrestorepoints, restorepoints, restorepointcontents]
  - group: vault.DOMAIN
    resources: [passkeys]
`

// stream is the audit backend that writes K10Event lines.
type stream struct {
	mu       sync.Mutex
	out      io.Writer
	envelope string
	values   map[string]string
	encoder  runtime.Encoder
}

func newStream(options Options) *stream {
	return &stream{
		out: options.Out, envelope: options.Envelope,
		values:  map[string]string{"cluster": options.Cluster, "pod": options.Pod},
		encoder: audit.Codecs.LegacyCodec(auditv1.SchemeGroupVersion),
	}
}

func (s *stream) attach(config *genericserver.Config, domain string) error {
	rules, err := policy.LoadPolicyFromBytes([]byte(strings.ReplaceAll(auditPolicy, "DOMAIN", domain)))
	if err != nil {
		return err
	}
	config.AuditBackend = s
	config.AuditPolicyRuleEvaluator = policy.NewPolicyRuleEvaluator(rules)
	return nil
}

// ProcessEvents writes one line per event.
func (s *stream) ProcessEvents(events ...*auditinternal.Event) bool {
	for _, event := range events {
		encoded, err := runtime.Encode(s.encoder, event)
		if err != nil {
			audit.HandlePluginError(s.String(), err, event)
			return false
		}
		s.write(strings.TrimSpace(string(encoded)))
	}
	return true
}

func (s *stream) write(event string) {
	line := os.Expand(s.envelope, func(name string) string {
		switch name {
		case "event":
			return event
		case "time":
			return time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
		default:
			return s.values[name]
		}
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintln(s.out, line)
}

// Run has nothing to start.
func (s *stream) Run(<-chan struct{}) error { return nil }

// Shutdown has nothing to flush: lines are written as they come.
func (s *stream) Shutdown() {}

func (s *stream) String() string { return "k10event" }
