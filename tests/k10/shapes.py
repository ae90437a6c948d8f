"""What the specs of K10's custom resources look like, as structural schemas.

Only what an attack changes is typed; the rest is preserved, because a stand-in that
drops fields it does not know would hide changes from the product under test.
"""

from typing import Any

Schema = dict[str, Any]

PRESERVE = "x-kubernetes-preserve-unknown-fields"
OPEN: Schema = {"type": "object", PRESERVE: True}
TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": "integer"}


def fields(**properties: Schema) -> Schema:
    """An object with known fields that keeps the unknown ones too."""
    return {"type": "object", PRESERVE: True, "properties": properties}


def items(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


REFERENCE = fields(name=TEXT, namespace=TEXT)
RETENTION: Schema = {"type": "object", "additionalProperties": NUMBER}
EXPRESSION = fields(key=TEXT, operator=TEXT, values=items(TEXT))
SELECTOR = fields(matchExpressions=items(EXPRESSION), matchLabels={"type": "object", "additionalProperties": TEXT})

EXPORT = fields(
    profile=REFERENCE,
    frequency=TEXT,
    receiveString=TEXT,
    migrationToken=REFERENCE,
    exportData=fields(enabled=FLAG, overrides=items(OPEN)),
)
ACTION = fields(
    action=TEXT,
    retention=RETENTION,
    backupParameters=fields(ignoreExceptions=FLAG, filters=OPEN, profile=REFERENCE, hooks=OPEN),
    exportParameters=EXPORT,
    importParameters=fields(profile=REFERENCE, receiveString=TEXT),
    restoreParameters=fields(targetNamespace=TEXT, dataOnly=FLAG, transforms=items(OPEN)),
)
RUNS: dict[str, Schema] = {
    "frequency": TEXT,
    "subFrequency": OPEN,
    "backupWindow": OPEN,
    "enableStaggering": FLAG,
    "retention": RETENTION,
}
POLICY = fields(
    **RUNS,
    paused=FLAG,
    comment=TEXT,
    actions=items(ACTION),
    selector=SELECTOR,
    presetRef=REFERENCE,
    createdBy=TEXT,
    modifiedBy=TEXT,
    lastModifyHash=NUMBER,
)
PRESET = fields(
    comment=TEXT,
    backup=fields(**RUNS, profile=REFERENCE),
    export=fields(
        frequency=TEXT,
        retention=RETENTION,
        profile=REFERENCE,
        blockModeProfile=REFERENCE,
        exportData=fields(enabled=FLAG, overrides=items(OPEN)),
    ),
)
CREDENTIAL = fields(secretType=TEXT, secret=fields(apiVersion=TEXT, kind=TEXT, name=TEXT, namespace=TEXT))
OBJECT_STORE = fields(
    objectStoreType=TEXT,
    name=TEXT,
    region=TEXT,
    endpoint=TEXT,
    path=TEXT,
    pathType=TEXT,
    protectionPeriod=TEXT,
    skipSSLVerify=FLAG,
)
LOCATION = fields(
    type=TEXT,
    objectStore=OBJECT_STORE,
    fileStore=fields(claimName=TEXT, path=TEXT),
    vbr=fields(serverAddress=TEXT, serverPort=NUMBER, repoName=TEXT, repoType=TEXT, skipSSLVerify=FLAG),
    credential=CREDENTIAL,
    infraPortable=FLAG,
)
PROFILE = fields(type=TEXT, locationSpec=LOCATION, infra=OPEN)
AUDIT_CONFIG = fields(profile=REFERENCE)
TRANSFORM_SET = fields(comment=TEXT, transforms=items(OPEN))
BLUEPRINT_BINDING = fields(disabled=FLAG, blueprintRef=REFERENCE, resources=OPEN)
FILE_RECOVERY = fields(volumes=items(fields(restorePointName=TEXT, pvcName=TEXT)), transports=OPEN)
K10_BINDING = fields(clusters=items(OPEN), k10ClusterRole=TEXT, subjects=items(OPEN))
PHASE = fields(func=TEXT, name=TEXT, args=OPEN, objects=OPEN)
BLUEPRINT_ACTIONS: Schema = {
    "type": "object",
    "additionalProperties": fields(kind=TEXT, phases=items(PHASE), deferPhase=OPEN),
}
