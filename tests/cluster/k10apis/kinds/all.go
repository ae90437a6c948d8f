package kinds

// The marks that make one Go type per kind.
type (
	BackupAction         struct{}
	BatchRestoreAction   struct{}
	CancelAction         struct{}
	ExportAction         struct{}
	ImportAction         struct{}
	MigrateFCDAction     struct{}
	ReportAction         struct{}
	RestoreAction        struct{}
	RunAction            struct{}
	StageAction          struct{}
	UpgradeAction        struct{}
	ValidateAction       struct{}
	BackupClusterAction  struct{}
	RestoreClusterAction struct{}
	RetireAction         struct{}
	Application          struct{}
	RestorePoint         struct{}
	RestorePointContent  struct{}
	ClusterRestorePoint  struct{}
	Passkey              struct{}
	StorageRepository    struct{}
	KastenDRReview       struct{}
	KastenDRRestore      struct{}
)

// All is the inventory of K10's aggregated half.
var All = []Kind{
	define[BackupAction]("actions", "backupactions", withDetails),
	define[BatchRestoreAction]("actions", "batchrestoreactions", withDetails),
	define[CancelAction]("actions", "cancelactions", createOnly),
	define[ExportAction]("actions", "exportactions", withDetails),
	define[ImportAction]("actions", "importactions", withDetails),
	define[MigrateFCDAction]("actions", "migratefcdactions"),
	define[ReportAction]("actions", "reportactions", withDetails),
	define[RestoreAction]("actions", "restoreactions", withDetails),
	define[RunAction]("actions", "runactions", withDetails),
	define[StageAction]("actions", "stageactions"),
	define[UpgradeAction]("actions", "upgradeactions"),
	define[ValidateAction]("actions", "validateactions", withDetails),
	define[BackupClusterAction]("actions", "backupclusteractions", clusterWide, withDetails),
	define[RestoreClusterAction]("actions", "restoreclusteractions", clusterWide, withDetails),
	define[RetireAction]("actions", "retireactions", clusterWide, withDetails),
	define[Application]("apps", "applications", readOnly, withDetails),
	define[RestorePoint]("apps", "restorepoints", withDetails),
	define[RestorePointContent]("apps", "restorepointcontents", clusterWide, notCreatable, withDetails),
	define[ClusterRestorePoint]("apps", "clusterrestorepoints", clusterWide, notCreatable, withDetails),
	define[Passkey]("vault", "passkeys", clusterWide),
	define[StorageRepository]("repositories", "storagerepositories", withDetails),
	define[KastenDRReview]("dr", "kastendrreviews"),
	define[KastenDRRestore]("dr", "kastendrrestores"),
}
