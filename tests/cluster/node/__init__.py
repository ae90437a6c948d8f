"""A whole node beside the control plane: kubelet, containerd and runc run real pods in namespaces of their own.

What a user installs is a chart and an image, and only a kubelet says whether they run. No Docker and no registry
is needed; root is. Nothing of the machine changes: processes, mounts, interfaces and rules live in namespaces that
end with the test, and cgroups are removed after it.
"""
