# A share with a repository in it, what is beside it, and links from inside.
git config --global user.name Ann
git config --global user.email ann@acme.com
git config --global init.defaultBranch main

mkdir -p share/docs share/tools share/lib/objects share/lib/refs outside share-evil
echo "notes" > share/notes.txt
echo "s3cr3t" > outside/secret.txt
echo "s3cr3t" > share-evil/secret.txt
printf '#!/bin/sh\n%s\n' "$CANARY" > share/tools/build
chmod +x share/tools/build
printf 'all:\n\techo built\n' > share/Makefile

git init -q share/repo
cd share/repo
echo first > a.txt
git add .
git commit -qm first
git branch topic
cd ..
ln -s repo/.git link
ln -s ../outside out
