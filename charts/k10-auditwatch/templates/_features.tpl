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

{{/* Namespaces of the K10s, with those of their multi-cluster objects: {"all": […], "main": […]}. */}}
{{- define "auditwatch.k10Namespaces" -}}
{{- $all := list }}
{{- $main := list }}
{{- range .Values.k10s }}
{{- $main = append $main .namespace }}
{{- $all = append $all .namespace }}
{{- if .multicluster }}{{ $all = append $all (default "kasten-io-mc" .multiclusterNamespace) }}{{ end }}
{{- end }}
{{- dict "all" (uniq $all) "main" (uniq $main) | toJson }}
{{- end }}

{{- define "auditwatch.k10Domains" -}}
{{- $domains := list }}
{{- range .Values.k10s }}{{ $domains = append $domains (default "kio.kasten.io" .apiDomain) }}{{ end }}
{{- uniq $domains | toJson }}
{{- end }}

{{/* Groups below every API domain: (dict "root" $ "group" "config"). */}}
{{- define "auditwatch.k10Groups" -}}
{{- $groups := list }}
{{- range include "auditwatch.k10Domains" .root | fromJsonArray }}{{ $groups = append $groups (printf "%s.%s" $.group .) }}{{ end }}
{{- toJson $groups }}
{{- end }}
