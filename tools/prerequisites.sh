#!/bin/sh
# Names every tool that is missing, and how to get it. Prints the Python to use.
missing=0

need() {
    echo "missing: $1" >&2
    echo "    $2" >&2
    missing=1
}

if [ "$(uname -s 2>/dev/null || echo Linux)" != Linux ]; then
    need "Linux (found $(uname -s))" "the local AWS gives each job a mount namespace; use a Linux machine, a virtual machine or WSL 2"
fi

python=
for candidate in python3.11 python3; do
    if command -v "$candidate" >/dev/null && "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
        python=$(command -v "$candidate")
        break
    fi
done
[ -n "$python" ] || need "Python 3.11" "apt-get install python3.11 python3.11-venv, brew install python@3.11, or pyenv install 3.11"

if ! command -v java >/dev/null; then
    need "Java 17" "apt-get install openjdk-17-jre-headless, or brew install openjdk@17"
else
    version=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
    [ "$version" = 17 ] || need "Java 17 (found ${version:-another})" "apt-get install openjdk-17-jre-headless, and put it first on the PATH"
fi

if ! command -v terraform >/dev/null; then
    need "Terraform >= 1.9" "https://developer.hashicorp.com/terraform/install, or brew install hashicorp/tap/terraform"
else
    version=$(TF_CLI_CONFIG_FILE='' terraform version 2>/dev/null | sed -n 's/^Terraform v\([0-9]*\)\.\([0-9]*\).*/\1 \2/p' | head -n 1)
    major=${version% *} minor=${version#* }
    { [ "${major:-0}" -gt 1 ] || { [ "${major:-0}" -eq 1 ] && [ "${minor:-0}" -ge 9 ]; }; } ||
        need "Terraform >= 1.9 (found ${major:-?}.${minor:-?})" "https://developer.hashicorp.com/terraform/install"
fi

[ $missing -eq 0 ] || exit 1
echo "$python"
