#!/bin/sh
# Create or update a Kubernetes secret from the key on standard input: apply_secret.sh NAME NAMESPACE
#
# The first kubectl only writes the manifest, and the second sends it. Where the first one fails, the
# second is given nothing, and fails too. Applied by the server, the manifest isn't kept once more in
# an annotation of the secret.
set -eu
kubectl create secret generic "$1" --namespace="$2" --dry-run=client --output=yaml \
  --from-file=api-key=/dev/stdin --from-literal=api-key-id="$PARALLEL_API_KEY_ID" |
  kubectl apply --server-side --namespace="$2" --filename=- >/dev/null
