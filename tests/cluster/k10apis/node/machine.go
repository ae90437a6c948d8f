// Package node is the machine K10's pods run on: as much of a kubelet and a
// scheduler as makes pods ready, ends them when they are deleted and serves
// their logs. Only one pod really runs something: the one that serves K10's APIs.
package node

import (
	"context"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/klog/v2"
)

const (
	leaseNamespace = "kube-node-lease"
	leaseSeconds   = 40
	renewPeriod    = 10 * time.Second
	retryPeriod    = 500 * time.Millisecond
)

// Machine is the Node object and its heartbeat.
type Machine struct {
	Name   string
	Port   int // of the kubelet's API
	Client kubernetes.Interface
}

// Join registers the node, then renews its lease until the context ends.
func (m Machine) Join(ctx context.Context) error {
	err := wait.PollUntilContextCancel(ctx, retryPeriod, true, func(ctx context.Context) (bool, error) {
		return m.attempt("register", m.register(ctx)), nil
	})
	if err != nil {
		return err
	}
	go wait.UntilWithContext(ctx, func(ctx context.Context) { m.attempt("renew", m.renew(ctx)) }, renewPeriod)
	return nil
}

func (m Machine) attempt(what string, err error) bool {
	if err != nil {
		klog.ErrorS(err, "the node will try again", "to", what)
	}
	return err == nil
}

func (m Machine) register(ctx context.Context) error {
	nodes := m.Client.CoreV1().Nodes()
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{
		Name:   m.Name,
		Labels: map[string]string{"kubernetes.io/hostname": m.Name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"},
	}}
	if _, err := nodes.Create(ctx, node, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	current, err := nodes.Get(ctx, m.Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	current.Status = m.status()
	_, err = nodes.UpdateStatus(ctx, current, metav1.UpdateOptions{})
	return err
}

func (m Machine) status() corev1.NodeStatus {
	room := corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("64"), corev1.ResourceMemory: resource.MustParse("256Gi"),
		corev1.ResourcePods: resource.MustParse("500"),
	}
	now := metav1.Now()
	return corev1.NodeStatus{
		Capacity: room, Allocatable: room,
		Conditions: []corev1.NodeCondition{{
			Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady",
			LastHeartbeatTime: now, LastTransitionTime: now,
		}},
		Addresses: []corev1.NodeAddress{
			{Type: corev1.NodeInternalIP, Address: "127.0.0.1"}, {Type: corev1.NodeHostName, Address: m.Name},
		},
		DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: int32(m.Port)}},
		NodeInfo:        corev1.NodeSystemInfo{KubeletVersion: "v1.37.2", OperatingSystem: "linux", Architecture: "amd64"},
	}
}

func (m Machine) renew(ctx context.Context) error {
	leases := m.Client.CoordinationV1().Leases(leaseNamespace)
	now, seconds := metav1.NewMicroTime(time.Now()), int32(leaseSeconds)
	spec := coordinationv1.LeaseSpec{HolderIdentity: &m.Name, LeaseDurationSeconds: &seconds, RenewTime: &now}
	current, err := leases.Get(ctx, m.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: m.Name, Namespace: leaseNamespace}, Spec: spec}
		_, err = leases.Create(ctx, lease, metav1.CreateOptions{})
		return err
	}
	if err != nil {
		return err
	}
	current.Spec = spec
	_, err = leases.Update(ctx, current, metav1.UpdateOptions{})
	return err
}
