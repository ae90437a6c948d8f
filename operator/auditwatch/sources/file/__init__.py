"""The audit log as files: kube-apiserver's live log, and the backups it rotates it into."""
