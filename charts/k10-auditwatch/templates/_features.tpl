{{/* What is turned on, as "true" or nothing. */}}

{{/* The listener for audit events: for API servers, or because agents need it. */}}
{{- define "auditwatch.listens" -}}
{{- if or .Values.webhook.enabled .Values.agent.enabled }}true{{ end }}
{{- end }}

{{/* Somebody posts with a service account's token, of which the API server is asked whose it is. */}}
{{- define "auditwatch.reviewsTokens" -}}
{{- if .Values.agent.enabled }}true
{{- else if .Values.webhook.enabled }}
{{- range .Values.webhook.instances }}{{ if .serviceAccount }}true{{ end }}{{ end }}
{{- end }}
{{- end }}

{{- define "auditwatch.publishesCA" -}}
{{- if and (include "auditwatch.listens" .) (eq .Values.webhook.tls.mode "selfMade") }}true{{ end }}
{{- end }}

{{- define "auditwatch.isOpenShift" -}}
{{- if .Capabilities.APIVersions.Has "security.openshift.io/v1" }}true{{ end }}
{{- end }}

{{/* Namespaces of the K10s, with those of their multi-cluster objects. */}}
{{- define "auditwatch.k10Namespaces" -}}
{{- $namespaces := list }}
{{- range .Values.k10s }}
{{- $namespaces = append $namespaces .namespace }}
{{- if .multicluster }}{{ $namespaces = append $namespaces (default "kasten-io-mc" .multiclusterNamespace) }}{{ end }}
{{- end }}
{{- uniq $namespaces | toJson }}
{{- end }}

{{- define "auditwatch.k10Domains" -}}
{{- $domains := list }}
{{- range .Values.k10s }}{{ $domains = append $domains (default "kio.kasten.io" .apiDomain) }}{{ end }}
{{- uniq $domains | toJson }}
{{- end }}

{{/*
What one API domain is asked for, and where: [{"domain", "suffix", "namespaces"}]. K10s of one cluster have a domain
each; the first has no suffix, so that a role keeps its name when another K10 comes.
*/}}
{{- define "auditwatch.k10Places" -}}
{{- $places := list }}
{{- range $index, $domain := include "auditwatch.k10Domains" . | fromJsonArray }}
{{- $namespaces := list }}
{{- range $.Values.k10s }}
{{- if eq $domain (default "kio.kasten.io" .apiDomain) }}{{ $namespaces = append $namespaces .namespace }}{{ end }}
{{- end }}
{{- $suffix := ternary "" (printf "-%s" $domain) (eq $index 0) }}
{{- $places = append $places (dict "domain" $domain "suffix" $suffix "namespaces" (uniq $namespaces)) }}
{{- end }}
{{- toJson $places }}
{{- end }}

{{/* Groups below every API domain: (dict "root" $ "group" "config"). */}}
{{- define "auditwatch.k10Groups" -}}
{{- $groups := list }}
{{- range include "auditwatch.k10Domains" .root | fromJsonArray }}{{ $groups = append $groups (printf "%s.%s" $.group .) }}{{ end }}
{{- toJson $groups }}
{{- end }}
