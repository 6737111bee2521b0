{{- define "oxl.component" -}}
{{- printf "%s-%s" .Release.Name .Values.component.name | lower | trunc 27 | trimSuffix "-" -}}
{{- end -}}

{{- define "oxl.labels" -}}
oda.tmforum.org/componentName: {{ include "oxl.component" . }}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "oxl.secret" -}}
{{- .Values.database.existingSecret | default (printf "%s-database" (include "oxl.component" .)) -}}
{{- end -}}

{{/* The APIs of each kind of component: name, id, base, version of the document. */}}
{{- define "oxl.apis" -}}
usage:
  id: TMFC040
  name: productusagemanagement
  functionalBlock: CoreCommerce
  description: Usage records are guided, rated and paid from buckets; consumption is told
  apis:
    - {name: usage-management-api, id: TMF635, versions: [
        {version: v5.0.0, path: /tmf-api/productUsageManagement/v5},
        {version: v4.0.0, path: /tmf-api/usageManagement/v4}], hub: true, required: true}
    - {name: usage-consumption-management-api, id: TMF677, versions: [
        {version: v5.1.0, path: /tmf-api/usageConsumption/v5},
        {version: v4.0.0, path: /tmf-api/usageConsumption/v4}], hub: true, required: true}
    - {name: prepay-balance-management-api, id: TMF654, versions: [
        {version: v4.0.0, path: /tmf-api/prepayBalanceManagement/v4}], hub: true, required: false}
billing:
  id: TMFC030
  name: billgenerationmanagement
  functionalBlock: CoreCommerce
  description: Bills are made, sent and explained
  apis:
    - {name: customer-bill-management-api, id: TMF678, versions: [
        {version: v5.0.0, path: /tmf-api/customerBillManagement/v5},
        {version: v4.0.0, path: /tmf-api/customerBillManagement/v4}], hub: true, required: true}
calculation:
  id: TMFC031
  name: billcalculationmanagement
  functionalBlock: CoreCommerce
  description: What is billed is calculated from rated usage and fees
  apis:
    - {name: customer-bill-management-api, id: TMF678, versions: [
        {version: v5.0.0, path: /tmf-api/customerBillManagement/v5},
        {version: v4.0.0, path: /tmf-api/customerBillManagement/v4}], hub: true, required: true}
{{- end -}}

{{/* Where the contract of an API is: a list of the context, the API and its version. */}}
{{- define "oxl.specification" -}}
{{- $ := index . 0 -}}{{- $api := index . 1 -}}{{- $version := index . 2 -}}
{{- $component := include "oxl.component" $ -}}
{{- $inside := printf "%s://%s-api.%s:%v" "http" $component $.Release.Namespace $.Values.port -}}
{{- if $.Values.specificationUrl -}}
{{- printf "%s/%s-%s.json" $.Values.specificationUrl $api.id $version.version -}}
{{- else -}}
{{- printf "%s/%s%s/openapi.json" ($.Values.publicHost | default $inside) $component $version.path -}}
{{- end -}}
{{- end -}}

{{- define "oxl.pod" -}}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
serviceAccountName: {{ include "oxl.component" . }}
automountServiceAccountToken: false
volumes:
  - name: tmp
    emptyDir: {}
  - name: files
    persistentVolumeClaim: {claimName: {{ include "oxl.component" . }}-files}
{{- end -}}

{{- define "oxl.container" -}}
image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
imagePullPolicy: {{ .Values.image.pullPolicy }}
envFrom:
  - configMapRef: {name: {{ include "oxl.component" . }}}
env:
  - name: OXL_DATABASE_URL
    valueFrom: {secretKeyRef: {name: {{ include "oxl.secret" . }}, key: url}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
volumeMounts:
  - {name: tmp, mountPath: /tmp}
  - {name: files, mountPath: /var/lib/oxl}
resources: {{- toYaml .Values.resources | nindent 2 }}
{{- end -}}
