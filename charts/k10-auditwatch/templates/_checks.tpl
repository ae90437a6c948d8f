{{/* Values that fit the schema one by one and make no sense together. Each says the fix. */}}
{{- define "auditwatch.checks" -}}
{{- $webhook := .Values.webhook }}
{{- $agent := .Values.agent }}
{{- if and $webhook.enabled (not $webhook.instances) }}
{{- fail "webhook.instances: nobody may post: name the API servers, like [{name: cp-1, tokenKey: cp-1}], or leave webhook.enabled false (agent.enabled turns the listener on by itself)" }}
{{- end }}
{{- if and $webhook.instances (not $webhook.enabled) }}
{{- fail "webhook.instances: given, but webhook.enabled is false: set it, or remove the instances" }}
{{- end }}
{{- if and $webhook.enabled (not $webhook.clusterIP) (not $webhook.tls.hosts) }}
{{- fail "webhook.clusterIP: required with webhook.enabled: API servers resolve no cluster names; choose a free address of the service range, like 10.96.0.77 (or name a load balancer's in webhook.tls.hosts)" }}
{{- end }}
{{- range $index, $instance := $webhook.instances }}
{{- if and $instance.tokenKey (not $webhook.tokensSecretName) }}
{{- fail (printf "webhook.tokensSecretName: required by webhook.instances[%d].tokenKey: name the Secret that has the key %s" $index $instance.tokenKey) }}
{{- end }}
{{- if and $instance.clientCertificateName (not (or $webhook.clientCA.configMapName $webhook.clientCA.secretName)) }}
{{- fail (printf "webhook.clientCA: required by webhook.instances[%d].clientCertificateName: name the ConfigMap or Secret with the CA that signs such certificates" $index) }}
{{- end }}
{{- if not (or $instance.tokenKey $instance.clientCertificateName $instance.serviceAccount) }}
{{- fail (printf "webhook.instances[%d]: nothing proves who posts: give clientCertificateName, tokenKey or serviceAccount" $index) }}
{{- end }}
{{- if and $agent.enabled (eq $instance.name "*") }}
{{- fail (printf "webhook.instances[%d].name: \"*\" is the agent's, which agent.enabled adds: remove one of them" $index) }}
{{- end }}
{{- end }}
{{- if and $webhook.clientCA.configMapName $webhook.clientCA.secretName }}
{{- fail "webhook.clientCA: give configMapName or secretName, not both" }}
{{- end }}
{{- if and (eq $webhook.tls.mode "existingSecret") (not $webhook.tls.secretName) }}
{{- fail "webhook.tls.secretName: required with mode existingSecret: name a Secret of type kubernetes.io/tls" }}
{{- end }}
{{- if and (ne $webhook.tls.mode "existingSecret") $webhook.tls.secretName }}
{{- fail (printf "webhook.tls.secretName: read with mode existingSecret only, not %s: set the mode, or remove it" $webhook.tls.mode) }}
{{- end }}
{{- if and (include "auditwatch.listens" .) (eq $webhook.tls.mode "certManager") }}
{{- if not $webhook.tls.certManager.issuerRef.name }}
{{- fail "webhook.tls.certManager.issuerRef.name: required with mode certManager: name an Issuer of this namespace, or a ClusterIssuer" }}
{{- end }}
{{- if not (.Capabilities.APIVersions.Has "cert-manager.io/v1") }}
{{- fail "webhook.tls.mode: certManager needs cert-manager, which this cluster does not serve: install it first, or use selfMade (when rendering only: --api-versions cert-manager.io/v1)" }}
{{- end }}
{{- end }}
{{- if $agent.enabled }}
{{- if eq (include "auditwatch.agentNamespace" .) .Release.Namespace }}
{{- fail "agent.namespace: must not be the operator's own, in which Pod Security forbids what the agent needs: leave it empty" }}
{{- end }}
{{- $own := and (eq $webhook.tls.mode "selfMade") }}
{{- $given := or $agent.serverCA.configMapName $agent.serverCA.pem }}
{{- if and $own $given }}
{{- fail "agent.serverCA: the operator publishes its self-made CA by itself: remove it, or choose another webhook.tls.mode" }}
{{- end }}
{{- if and (not $own) (not $given) }}
{{- fail (printf "agent.serverCA: required with webhook.tls.mode %s: give pem, or configMapName in namespace %s" $webhook.tls.mode (include "auditwatch.agentNamespace" .)) }}
{{- end }}
{{- if and $agent.serverCA.configMapName $agent.serverCA.pem }}
{{- fail "agent.serverCA: give configMapName or pem, not both" }}
{{- end }}
{{- end }}
{{- if and .Values.persistence.existingClaim (not .Values.persistence.enabled) }}
{{- fail "persistence.existingClaim: given, but persistence.enabled is false: set it, or remove the claim" }}
{{- end }}
{{- range $index, $k10 := .Values.k10s }}
{{- if and $.Values.k10Discovery (or $k10.serviceAccount $k10.name) }}
{{- fail (printf "k10s[%d]: name and serviceAccount are found by k10Discovery: set it to false, or remove them" $index) }}
{{- end }}
{{- if and $k10.multiclusterNamespace (not $k10.multicluster) $.Values.k10Discovery }}
{{- fail (printf "k10s[%d].multiclusterNamespace: given, but multicluster is false: set it, or remove the namespace" $index) }}
{{- end }}
{{- end }}
{{- $monitoring := .Capabilities.APIVersions.Has "monitoring.coreos.com/v1" }}
{{- if and (or .Values.metrics.serviceMonitor.enabled .Values.metrics.prometheusRule.enabled) (not $monitoring) }}
{{- fail "metrics.serviceMonitor, metrics.prometheusRule: this cluster does not serve monitoring.coreos.com/v1: install the Prometheus operator first (when rendering only: --api-versions monitoring.coreos.com/v1)" }}
{{- end }}
{{- end }}
