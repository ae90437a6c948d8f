package node

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

const (
	retryPause = 100 * time.Millisecond
	patience   = 20 * time.Second
)

// Scheduler binds every pod to the one node.
type Scheduler struct {
	Node   string
	Client kubernetes.Interface
}

// Run binds pods until the context ends.
func (s Scheduler) Run(ctx context.Context) {
	follow(ctx, s.Client, "spec.nodeName=", func(pod *corev1.Pod) error {
		if pod.Spec.NodeName != "" || pod.DeletionTimestamp != nil {
			return nil
		}
		binding := &corev1.Binding{
			ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace, UID: pod.UID},
			Target:     corev1.ObjectReference{Kind: "Node", Name: s.Node},
		}
		return s.Client.CoreV1().Pods(pod.Namespace).Bind(ctx, binding, metav1.CreateOptions{})
	}, func(*corev1.Pod) {})
}

// Kubelet runs the node's pods: all of them by saying so, one for real.
type Kubelet struct {
	Node   string
	Client kubernetes.Interface
	Runner *Runner
}

// Run looks after pods until the context ends.
func (k Kubelet) Run(ctx context.Context) {
	k.Runner.Changed = func(pod *corev1.Pod, run Run) {
		persist(ctx, pod, func() error { return k.report(ctx, pod, run) })
	}
	follow(ctx, k.Client, "spec.nodeName="+k.Node, func(pod *corev1.Pod) error { return k.sync(ctx, pod) }, k.Runner.Stop)
}

func (k Kubelet) sync(ctx context.Context, pod *corev1.Pod) error {
	if pod.DeletionTimestamp != nil {
		k.Runner.Stop(pod)
		now := metav1.NewDeleteOptions(0)
		now.Preconditions = metav1.NewUIDPreconditions(string(pod.UID))
		return k.Client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, *now)
	}
	if k.Runner.Runs(pod) {
		k.Runner.Start(ctx, pod)
		return nil
	}
	if pod.Status.Phase != corev1.PodPending {
		return nil
	}
	return k.report(ctx, pod, Run{Started: metav1.Now(), Ready: true})
}

// report writes the status of a pod whose containers all are in the same state.
func (k Kubelet) report(ctx context.Context, pod *corev1.Pod, run Run) error {
	pods := k.Client.CoreV1().Pods(pod.Namespace)
	current, err := pods.Get(ctx, pod.Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	current.Status = statusOf(current, run)
	_, err = pods.UpdateStatus(ctx, current, metav1.UpdateOptions{})
	return err
}

func statusOf(pod *corev1.Pod, run Run) corev1.PodStatus {
	ready := corev1.ConditionFalse
	if run.Ready {
		ready = corev1.ConditionTrue
	}
	status := corev1.PodStatus{
		Phase: corev1.PodRunning, HostIP: "127.0.0.1", PodIP: "127.0.0.1", StartTime: &run.Started,
		PodIPs: []corev1.PodIP{{IP: "127.0.0.1"}}, HostIPs: []corev1.HostIP{{IP: "127.0.0.1"}},
	}
	conditions := map[corev1.PodConditionType]corev1.ConditionStatus{
		corev1.PodScheduled: corev1.ConditionTrue, corev1.PodInitialized: corev1.ConditionTrue,
		corev1.ContainersReady: ready, corev1.PodReady: ready,
	}
	for _, name := range []corev1.PodConditionType{corev1.PodScheduled, corev1.PodInitialized, corev1.ContainersReady, corev1.PodReady} {
		condition := corev1.PodCondition{Type: name, Status: conditions[name], LastTransitionTime: metav1.Now()}
		status.Conditions = append(status.Conditions, condition)
	}
	for _, container := range pod.Spec.Containers {
		status.ContainerStatuses = append(status.ContainerStatuses, corev1.ContainerStatus{
			Name: container.Name, Image: container.Image, ImageID: container.Image, ContainerID: "standin://" + string(pod.UID),
			Ready: run.Ready, Started: &run.Ready, RestartCount: int32(run.Restarts),
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: run.Started}},
		})
	}
	return status
}

// follow calls seen for every pod of a selection whenever it is new or changed.
func follow(ctx context.Context, client kubernetes.Interface, selection string, seen func(*corev1.Pod) error, gone func(*corev1.Pod)) {
	selector := fields.ParseSelectorOrDie(selection)
	source := cache.NewListWatchFromClient(client.CoreV1().RESTClient(), "pods", metav1.NamespaceAll, selector)
	act := func(obj any) {
		pod := obj.(*corev1.Pod)
		persist(ctx, pod, func() error { return seen(pod) })
	}
	_, informer := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: source, ObjectType: &corev1.Pod{}, ResyncPeriod: renewPeriod, // resync retries what failed
		Handler: cache.ResourceEventHandlerFuncs{
			AddFunc:    act,
			UpdateFunc: func(_, obj any) { act(obj) },
			DeleteFunc: func(obj any) {
				if pod, known := obj.(*corev1.Pod); known {
					gone(pod)
				}
			},
		},
	})
	informer.RunWithContext(ctx)
}

// persist tries again what fails for a moment: the API server may be restarting,
// and its node authorizer learns of a binding a little later than we do.
func persist(ctx context.Context, pod *corev1.Pod, act func() error) {
	var last error
	err := wait.PollUntilContextTimeout(ctx, retryPause, patience, true, func(context.Context) (bool, error) {
		last = act()
		return last == nil || apierrors.IsNotFound(last), nil
	})
	if err != nil {
		klog.ErrorS(last, "a pod is not as it should be", "pod", pod.Name)
	}
}
