package catalog

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"k8s.io/apimachinery/pkg/watch"
	kjson "sigs.k8s.io/json"
)

// journal is an append-only file of all writes, so that a stand-in that is
// killed and started again still holds the objects K10's catalog would hold.
type journal struct {
	out *bufio.Writer
	// bulk postpones flushing while a seed is loaded.
	bulk bool
}

type line struct {
	Version  uint64          `json:"version"`
	Resource string          `json:"resource"`
	Key      string          `json:"key"`
	Object   json.RawMessage `json:"object,omitempty"` // absent: deleted
}

func (j *journal) write(table *Table, change Change) {
	if j == nil {
		return
	}
	entry := line{Version: table.catalog.version, Resource: table.Kind.Resource, Key: change.Key}
	if change.Type != watch.Deleted {
		entry.Object = must(json.Marshal(change.Object))
	}
	j.out.Write(append(must(json.Marshal(entry)), '\n'))
	if !j.bulk {
		j.out.Flush()
	}
}

// Open replays the journal and says whether there was one.
func (c *Catalog) Open() (bool, error) {
	if c.options.Dir == "" {
		return false, nil
	}
	path := filepath.Join(c.options.Dir, "catalog.jsonl")
	old, err := os.Open(path)
	if err == nil {
		defer old.Close()
		err = c.replay(old)
	}
	existed := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return existed, err
	}
	c.journal = &journal{out: bufio.NewWriterSize(file, 1<<20)}
	return existed, nil
}

// Bulk loads many objects with one flush at the end.
func (c *Catalog) Bulk(load func()) {
	if c.journal == nil {
		load()
		return
	}
	c.journal.bulk = true
	load()
	c.journal.bulk = false
	c.journal.out.Flush()
}

func (c *Catalog) replay(from io.Reader) error {
	decoder := json.NewDecoder(bufio.NewReaderSize(from, 1<<20))
	for {
		var entry line
		err := decoder.Decode(&entry)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) { // a kill may cut the last line
			break
		}
		if err != nil {
			return err
		}
		c.restore(entry)
	}
	for _, table := range c.tables {
		table.sortKeys()
		table.floor = c.version // what happened before the restart can no longer be watched
	}
	return nil
}

func (c *Catalog) restore(entry line) {
	table := c.tables[entry.Resource]
	c.version = max(c.version, entry.Version)
	if entry.Object == nil {
		delete(table.objects, entry.Key)
		return
	}
	object := table.Kind.New()
	if err := kjson.UnmarshalCaseSensitivePreserveInts(entry.Object, object); err == nil {
		table.objects[entry.Key] = object
	}
}

func (t *Table) sortKeys() {
	t.keys = sortedKeys(t.objects)
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
