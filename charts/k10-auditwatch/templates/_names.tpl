{{/* Names and labels. What depends on the values only is the same on every render. */}}

{{- define "auditwatch.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "auditwatch.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if .Values.fullnameOverride }}{{ .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}{{ printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "auditwatch.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ default (include "auditwatch.fullname" .) .Values.serviceAccount.name }}
{{- else }}{{ required "serviceAccount.name: name the ServiceAccount to use, or set serviceAccount.create" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "auditwatch.webhook" -}}
{{ include "auditwatch.fullname" . }}-webhook
{{- end }}

{{- define "auditwatch.agent" -}}
{{ include "auditwatch.fullname" . }}-agent
{{- end }}

{{- define "auditwatch.agentNamespace" -}}
{{ default (include "auditwatch.agent" .) .Values.agent.namespace }}
{{- end }}

{{- define "auditwatch.image" -}}
{{- with .Values.image.registry }}{{ trimSuffix "/" . }}/{{ end }}{{ .Values.image.repository }}
{{- if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ default .Chart.AppVersion .Values.image.tag }}{{ end }}
{{- end }}

{{/* Every object's labels. */}}
{{- define "auditwatch.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{ include "auditwatch.lastingLabels" . }}
{{- end }}

{{/* Those that no new version changes. */}}
{{- define "auditwatch.lastingLabels" -}}
app.kubernetes.io/name: {{ include "auditwatch.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: k10-auditwatch
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* By which Helm knows the default AuditWatch as this release's, whoever made it, and leaves it when that goes. */}}
{{- define "auditwatch.watchAnnotations" -}}
meta.helm.sh/release-name: {{ .Release.Name | quote }}
meta.helm.sh/release-namespace: {{ .Release.Namespace | quote }}
helm.sh/resource-policy: keep
{{- end }}

{{/* What selects the operator's pod; never changed, because selectors cannot be. */}}
{{- define "auditwatch.selector" -}}
app.kubernetes.io/name: {{ include "auditwatch.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "auditwatch.agentSelector" -}}
app.kubernetes.io/name: {{ include "auditwatch.name" . }}-agent
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* The pod of helm test. */}}
{{- define "auditwatch.testSelector" -}}
app.kubernetes.io/name: {{ include "auditwatch.name" . }}-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
