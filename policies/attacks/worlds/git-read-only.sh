# A repository that may be read, with things in its tree that look like repositories; and one that may not.
export GIT_CONFIG_GLOBAL=$HOME/.gitconfig
git config --global user.name Ann
git config --global user.email ann@acme.com
git config --global init.defaultBranch main
git config --global advice.detachedHead false

repository() {
    git init -q "$1"
    cd "$1"
    echo "$2" > readme.txt
    git add .
    git commit -qm "$2"
}

repository /srv/private "s3cr3t"
git branch s3cr3t
echo "more of s3cr3t" >> readme.txt
repository /srv/git/site "first"
git checkout -qb topic
mkdir -p src .github
echo 'fn main() {}' > src/main.rs
echo brackets > 'a(b).txt'
echo umlaut > 'ü.txt'
echo hidden > .github/ci.yml
git add .
git commit -qm "second"
git branch dependabot/npm+yarn
git checkout -q main
git merge -q --ff-only topic
git init -q --bare /srv/hub
git remote add origin /srv/hub
git push -q --set-upstream origin main
git tag v1
echo changed >> readme.txt

# planted NAME CONFIG: a directory that looks like a bare repository, as a checkout brings it.
planted() {
    mkdir -p "/srv/git/site/vendor/$1/objects" "/srv/git/site/vendor/$1/refs/heads"
    cp -r .git/objects .git/refs "/srv/git/site/vendor/$1"
    echo 'ref: refs/heads/main' > "/srv/git/site/vendor/$1/HEAD"
    printf '[core]\n\trepositoryformatversion = 0\n%b' "$2" > "/srv/git/site/vendor/$1/config"
}
planted runs.git "\tbare = false\n\tworktree = /srv/git/site/vendor/runs.git\n\tfsmonitor = $CANARY\n"
planted reads.git "\tbare = false\n\tworktree = /srv/private\n"
planted differs.git "\tbare = false\n\tworktree = /srv/git/site/vendor/differs.git\n[diff]\n\texternal = $CANARY\n"
# A file that points to such a directory, as submodules and worktrees have one.
mkdir vendor/points
echo "gitdir: ../runs.git" > vendor/points/.git
