package node

import (
	"context"
	"fmt"
	"path/filepath"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const tokenSeconds = 7 * 24 * 3600

// Identities gives pods what a kubelet mounts into them: a token of their
// account that is bound to them, so that the API server knows which pod uses it.
type Identities struct {
	Client     kubernetes.Interface
	Kubeconfig string // of the node itself: where the API server is
	Dir        string
}

// Of writes a kubeconfig with a token for the pod and returns its path.
func (i Identities) Of(ctx context.Context, pod *corev1.Pod) (string, error) {
	seconds := int64(tokenSeconds)
	asked := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		ExpirationSeconds: &seconds,
		BoundObjectRef:    &authenticationv1.BoundObjectReference{Kind: "Pod", APIVersion: "v1", Name: pod.Name, UID: pod.UID},
	}}
	accounts := i.Client.CoreV1().ServiceAccounts(pod.Namespace)
	var given *authenticationv1.TokenRequest
	var err error
	persist(ctx, pod, func() error {
		given, err = accounts.CreateToken(ctx, pod.Spec.ServiceAccountName, asked, metav1.CreateOptions{})
		return err
	})
	if err != nil {
		return "", err
	}
	config, err := clientcmd.LoadFromFile(i.Kubeconfig)
	if err != nil {
		return "", err
	}
	for user := range config.AuthInfos {
		config.AuthInfos[user] = &clientcmdapi.AuthInfo{Token: given.Status.Token}
	}
	path := filepath.Join(i.Dir, fmt.Sprintf("%s.kubeconfig", pod.UID))
	return path, clientcmd.WriteToFile(*config, path)
}
