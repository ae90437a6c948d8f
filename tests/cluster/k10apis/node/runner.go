package node

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
)

const (
	podLabel     = "run"
	restartPause = 300 * time.Millisecond
	stopGrace    = time.Second
)

// Run is one life of a container.
type Run struct {
	Started  metav1.Time
	Restarts int
	Ready    bool
}

// Runner is the container runtime of the one pod that does something.
type Runner struct {
	Served  string   // value of the label "run" of the pod that serves K10's APIs
	Command []string // what runs in it
	Address string   // answers when it is ready
	Dir     string   // logs, and the file of the running process' id

	// Account gives the kubeconfig that a pod acts with.
	Account func(context.Context, *corev1.Pod) (string, error)
	Changed func(*corev1.Pod, Run)

	mu    sync.Mutex
	lives map[types.UID]context.CancelFunc
	ended map[types.UID]chan struct{}
}

// Runs says whether a pod is the one.
func (r *Runner) Runs(pod *corev1.Pod) bool {
	return pod.Labels[podLabel] == r.Served && pod.Namespace != ""
}

// Start runs the pod's container unless it runs already, again and again until Stop.
func (r *Runner) Start(ctx context.Context, pod *corev1.Pod) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lives == nil {
		r.lives, r.ended = map[types.UID]context.CancelFunc{}, map[types.UID]chan struct{}{}
	}
	if r.lives[pod.UID] != nil {
		return
	}
	ctx, r.lives[pod.UID] = context.WithCancel(ctx)
	over := make(chan struct{})
	r.ended[pod.UID] = over
	go func() {
		defer close(over)
		for restarts := 0; ctx.Err() == nil; restarts++ {
			r.live(ctx, pod, restarts)
		}
	}()
}

// Stop ends the pod's container and waits for its end.
func (r *Runner) Stop(pod *corev1.Pod) {
	r.mu.Lock()
	cancel, over := r.lives[pod.UID], r.ended[pod.UID]
	r.mu.Unlock()
	if cancel == nil {
		return
	}
	cancel()
	<-over
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.lives, pod.UID)
	delete(r.ended, pod.UID)
}

// live is one run from start to end. While the hold file exists nothing starts:
// that is how a test makes an outage without touching any object.
func (r *Runner) live(ctx context.Context, pod *corev1.Pod, restarts int) {
	for r.held() && ctx.Err() == nil {
		time.Sleep(restartPause / 10)
	}
	log, err := os.OpenFile(r.LogPath(pod.UID, restarts), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		klog.ErrorS(err, "a container has no log")
		return
	}
	defer log.Close()
	ended, over := context.WithCancel(ctx)
	go r.watchReadiness(ended, pod, Run{Started: metav1.Now(), Restarts: restarts})
	r.execute(ctx, pod, log)
	over()
	select {
	case <-time.After(restartPause):
	case <-ctx.Done():
	}
}

func (r *Runner) execute(ctx context.Context, pod *corev1.Pod, log io.Writer) {
	account, err := r.Account(ctx, pod)
	if err != nil {
		klog.ErrorS(err, "a pod gets no token", "pod", pod.Name)
		return
	}
	command := exec.CommandContext(ctx, r.Command[0], append(r.Command[1:], "--pod="+pod.Name, "--kubeconfig="+account)...)
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = stopGrace
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, in := io.Pipe()
	command.Stdout, command.Stderr = in, os.Stderr
	go stamp(out, log)
	if err := command.Start(); err != nil {
		klog.ErrorS(err, "a container does not start")
		return
	}
	pid := filepath.Join(r.Dir, "pid")
	_ = os.WriteFile(pid, []byte(fmt.Sprint(command.Process.Pid)), 0o600)
	klog.InfoS("a container ended", "pod", pod.Name, "reason", command.Wait())
	_ = os.Remove(pid)
	in.Close()
}

// stamp writes lines the way container runtimes do: time, stream, whole or part.
func stamp(from io.Reader, to io.Writer) {
	lines := bufio.NewReaderSize(from, 1<<16)
	for {
		text, err := lines.ReadString('\n')
		if text != "" {
			fmt.Fprintf(to, "%s stdout F %s\n", time.Now().UTC().Format(time.RFC3339Nano), trimNewline(text))
		}
		if err != nil {
			return
		}
	}
}

func (r *Runner) watchReadiness(ctx context.Context, pod *corev1.Pod, run Run) {
	r.Changed(pod, run)
	for ctx.Err() == nil {
		connection, err := net.DialTimeout("tcp", r.Address, time.Second)
		if err == nil {
			connection.Close()
			run.Ready = true
			r.Changed(pod, run)
			return
		}
		time.Sleep(restartPause / 10)
	}
}

func (r *Runner) held() bool {
	_, err := os.Stat(filepath.Join(r.Dir, "hold"))
	return err == nil
}

// LogPath is where one life of a pod's container writes.
func (r *Runner) LogPath(pod types.UID, restarts int) string {
	return filepath.Join(r.Dir, fmt.Sprintf("%s.%d.log", pod, restarts))
}

// latest is the number of the newest life of a pod's container.
func (r *Runner) latest(pod types.UID) int {
	life := 0
	for {
		if _, err := os.Stat(r.LogPath(pod, life+1)); err != nil {
			return life
		}
		life++
	}
}

func (r *Runner) alive() bool {
	_, err := os.Stat(filepath.Join(r.Dir, "pid"))
	return err == nil
}

// StopAll waits for the ends of all containers; their contexts are over.
func (r *Runner) StopAll() {
	r.mu.Lock()
	ends := slices.Collect(maps.Values(r.ended))
	r.mu.Unlock()
	for _, over := range ends {
		<-over
	}
}
