package node

import (
	"bufio"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

const followPause = 50 * time.Millisecond

// Logs serves /containerLogs/<namespace>/<pod>/<container> like a kubelet.
type Logs struct {
	Client kubernetes.Interface
	Runner *Runner
}

// wish is what a client asked of a log.
type wish struct {
	follow, timestamps bool
	since              time.Time
	tail               int // -1: everything
	previous           bool
}

// ServeHTTP streams a container's log.
func (l Logs) ServeHTTP(out http.ResponseWriter, in *http.Request) {
	pod, err := l.Client.CoreV1().Pods(in.PathValue("namespace")).Get(in.Context(), in.PathValue("pod"), metav1.GetOptions{})
	if err != nil {
		http.Error(out, err.Error(), http.StatusNotFound)
		return
	}
	asked, err := parseWish(in.URL.Query())
	if err != nil {
		http.Error(out, err.Error(), http.StatusBadRequest)
		return
	}
	if !l.Runner.Runs(pod) {
		fmt.Fprintf(out, "%s of %s runs\n", in.PathValue("container"), pod.Name)
		return
	}
	life := l.Runner.latest(pod.UID)
	if asked.previous {
		life--
	}
	file, err := os.Open(l.Runner.LogPath(pod.UID, life))
	if err != nil {
		http.Error(out, "no such container log", http.StatusBadRequest)
		return
	}
	defer file.Close()
	stream(in, out, file, asked, func() bool { return l.Runner.latest(pod.UID) == life && l.Runner.alive() })
}

func parseWish(query url.Values) (wish, error) {
	asked := wish{
		follow: query.Get("follow") == "true", timestamps: query.Get("timestamps") == "true",
		previous: query.Get("previous") == "true", tail: -1,
	}
	var err error
	if value := query.Get("sinceTime"); value != "" {
		if asked.since, err = time.Parse(time.RFC3339Nano, value); err != nil {
			return asked, err
		}
	}
	if value := query.Get("sinceSeconds"); value != "" {
		seconds, err := strconv.Atoi(value)
		if err != nil {
			return asked, err
		}
		asked.since = time.Now().Add(-time.Duration(seconds) * time.Second)
	}
	if value := query.Get("tailLines"); value != "" {
		asked.tail, err = strconv.Atoi(value)
	}
	return asked, err
}

// stream writes what is there, then, when following, what comes until the
// container ends or the client leaves.
func stream(in *http.Request, out http.ResponseWriter, file *os.File, asked wish, running func() bool) {
	reader := bufio.NewReader(file)
	held := []string{}
	flush := http.NewResponseController(out)
	part, caughtUp := "", false
	for in.Context().Err() == nil {
		wasRunning := running()
		text, err := reader.ReadString('\n')
		part += text
		if err == nil {
			if line, wanted := asked.render(part); wanted {
				held = append(held, line)
			}
			part = ""
			if !caughtUp && (asked.tail >= 0 || len(held) < 1000) {
				continue
			}
		} else if !caughtUp && asked.tail >= 0 {
			held = held[max(0, len(held)-asked.tail):]
		}
		fmt.Fprint(out, strings.Join(held, ""))
		held = held[:0]
		if err == nil {
			continue
		}
		_ = flush.Flush()
		caughtUp = true
		if !asked.follow || !wasRunning {
			return
		}
		time.Sleep(followPause)
	}
}

// render takes the runtime's marks off a line, or says it is not wanted.
func (w wish) render(line string) (string, bool) {
	fields := strings.SplitN(line, " ", 4)
	if len(fields) < 4 {
		return "", false
	}
	written, err := time.Parse(time.RFC3339Nano, fields[0])
	if err != nil || written.Before(w.since) {
		return "", false
	}
	if w.timestamps {
		return fields[0] + " " + fields[3], true
	}
	return fields[3], true
}

func trimNewline(text string) string { return strings.TrimSuffix(text, "\n") }
