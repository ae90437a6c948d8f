package behaviour

import (
	"context"
	"time"

	"k10-auditwatch.io/tests/cluster/k10apis/catalog"
	"k10-auditwatch.io/tests/cluster/k10apis/kinds"
)

// CollectExpired retires contents whose time has come, every period, as K10's
// garbage collector does every six hours.
func CollectExpired(ctx context.Context, objects *catalog.Catalog, collector *Account, period time.Duration) {
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for _, content := range expired(objects) {
			logFailure("retire an expired content", collector.retire(ctx, content.GetName(), content.GetLabels(), rfc3339()))
		}
	}
}

func expired(objects *catalog.Catalog) []kinds.Thing {
	found, now := []kinds.Thing{}, time.Now()
	objects.Table("restorepointcontents").Each("", func(content kinds.Thing) {
		if end, set := timeOf(content.Fields().Spec["expiresAt"]); set && end.Time.Before(now) {
			found = append(found, content)
		}
	})
	return found
}
