{{/* The installer's configuration, docs/reference/configuration.md, as YAML. */}}
{{- define "auditwatch.settings" -}}
{{- $sources := list (dict "type" "State" "name" "state" "pollSeconds" .Values.sources.state.pollSeconds) }}
{{- if .Values.sources.k10Stream.enabled }}
{{- $sources = append $sources (dict "type" "K10Stream" "name" "k10-stream") }}
{{- end }}
{{- if include "auditwatch.listens" . }}
{{- $sources = append $sources (include "auditwatch.webhookSource" . | fromYaml) }}
{{- end }}
{{- $journal := merge (dict "path" "/var/lib/auditwatch/journal.db" "durable" .Values.persistence.enabled) .Values.journal }}
{{- $settings := dict "sources" $sources "journal" $journal "tenancy" .Values.tenancy "lease" .Values.lease }}
{{- with .Values.clusterName }}{{ $_ := set $settings "clusterName" . }}{{ end }}
{{- with .Values.trustedProxies }}{{ $_ := set $settings "trustedProxies" . }}{{ end }}
{{- with .Values.runbooks.url }}{{ $_ := set $settings "runbooks" (dict "url" .) }}{{ end }}
{{- if not .Values.k10Discovery }}
{{- $k10s := list }}
{{- range .Values.k10s }}{{ $k10s = append $k10s (omit . "multicluster") }}{{ end }}
{{- $_ := set $settings "k10s" $k10s }}
{{- end }}
{{- toYaml $settings }}
{{- end }}

{{/* The AuditWatch that the operator makes, and keeps to what is said here: applied as Helm, which so finds it its own. */}}
{{- define "auditwatch.defaultWatch" -}}
{{- if .Values.auditWatch.create }}
{{- $labels := include "auditwatch.lastingLabels" . | fromYaml }}
{{- $annotations := include "auditwatch.watchAnnotations" . | fromYaml }}
{{- $watch := dict "name" .Values.auditWatch.name "labels" $labels "annotations" $annotations "spec" .Values.auditWatch.spec }}
{{- toYaml (dict "defaultWatch" (merge $watch (dict "fieldManager" "helm"))) }}
{{- end }}
{{- end }}

{{/* The source that API servers and agents post to. */}}
{{- define "auditwatch.webhookSource" -}}
{{- $webhook := .Values.webhook }}
type: Webhook
name: audit-webhook
listen: {address: 0.0.0.0, port: 8443}
maxEventBytes: {{ int64 $webhook.maxEventBytes }}
maxBytesInFlight: {{ int64 $webhook.maxBytesInFlight }}
tls:
  {{- if eq $webhook.tls.mode "selfMade" }}
  hosts: {{ include "auditwatch.webhookHosts" . }}
  caConfigMaps:
  - {{ .Release.Namespace }}/{{ include "auditwatch.webhook" . }}-ca
  {{- if .Values.agent.enabled }}
  - {{ include "auditwatch.agentNamespace" . }}/{{ include "auditwatch.webhook" . }}-ca
  {{- end }}
  {{- else }}
  certFile: /etc/auditwatch-serving/tls.crt
  keyFile: /etc/auditwatch-serving/tls.key
  {{- end }}
  {{- if or $webhook.clientCA.configMapName $webhook.clientCA.secretName }}
  clientCAFile: /etc/auditwatch-senders/ca.crt
  {{- end }}
instances:
{{- if $webhook.enabled }}
{{- range $webhook.instances }}
- {{ omit . "tokenKey" | toJson | trimSuffix "}" }}{{ with .tokenKey }},"tokenFile":{{ printf "/etc/auditwatch-tokens/%s" . | toJson }}{{ end }}}
{{- end }}
{{- end }}
{{- if .Values.agent.enabled }}
- {name: "*", serviceAccount: {{ include "auditwatch.agentNamespace" . }}/{{ include "auditwatch.agent" . }}}
{{- end }}
{{- end }}

{{/* Names and addresses of its serving certificate; the first is the same in every installation. */}}
{{- define "auditwatch.webhookHosts" -}}
{{- $name := include "auditwatch.webhook" . }}
{{- $service := printf "%s.%s" $name .Release.Namespace }}
{{- $hosts := list "k10-auditwatch" $name $service (printf "%s.svc" $service) (printf "%s.svc.cluster.local" $service) }}
{{- with .Values.webhook.clusterIP }}{{ $hosts = append $hosts . }}{{ end }}
{{- concat $hosts .Values.webhook.tls.hosts | uniq | toJson }}
{{- end }}

{{/* The agent's configuration, for all nodes; the node's name comes from the environment. */}}
{{- define "auditwatch.agentSettings" -}}
url: https://{{ include "auditwatch.webhook" . }}.{{ .Release.Namespace }}.svc:{{ int .Values.webhook.port }}
source: audit-webhook
path: {{ .Values.agent.auditLog.path | quote }}
start: {{ .Values.agent.auditLog.start }}
stateFile: /var/lib/auditwatch-agent/position
tokenFile: /var/run/secrets/k10-auditwatch/token
compress: {{ .Values.agent.compress }}
tls: {serverCAFile: /etc/auditwatch-ca/ca.crt}
{{- end }}
