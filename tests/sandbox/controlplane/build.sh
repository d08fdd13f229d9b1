#!/bin/sh
# build.sh DIRECTORY: builds etcd and the Kubernetes control plane, in the versions that go.mod requires, into DIRECTORY.
# DIRECTORY appears when everything is there, never half full. It takes about ten minutes on two cores the first time.
set -eu

target=$1
cd "$(dirname "$0")"
# Never a silent download of another Go; pure Go, so that no C compiler is needed.
export GOTOOLCHAIN=local CGO_ENABLED=0 GOFLAGS=-buildvcs=false

version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
minor=${version#v1.}
minor=${minor%%.*}
# What `kubectl version` shows; hack/lib/version.sh of Kubernetes sets the same variables.
ldflags="-s -w"
for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    ldflags="$ldflags -X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=$minor"
    # The module does not tell its commit.
    ldflags="$ldflags -X $package.gitCommit= -X $package.gitTreeState=clean"
done

mkdir -p "$(dirname "$target")"
# Next to the target: the move at the end stays within one file system.
building=$(mktemp -d "$target.XXXXXX")
trap 'rm -rf "$building"' EXIT
trap 'exit 1' INT TERM
# The tags are those of Kubernetes' own releases; two at a time, for a machine that does other things as well.
nice -n 10 go build -p 2 -trimpath -tags selinux,notest,grpcnotrace -ldflags "$ldflags" -o "$building/" tool
mv "$building/server" "$building/etcd"
chmod 755 "$building"
mv -T "$building" "$target"
