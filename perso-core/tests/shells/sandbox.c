/* What runs in the sandbox of `tests/shell_lines.rs`. Called as `/real/drive`, it has a shell run lines, one after the
 * other. By any other name it is a program that logs what it is given; one that runs another program then becomes the
 * real one.
 *
 * Everything is written to /log, where each field ends with a NUL:
 *   R, number of arguments, arguments, number of names, names of variables that are not as they were at the beginning
 *   E, status of the shell or `timeout`, number of files, files that are new or changed
 * A record is one write, so those of programs that run at the same time do not mix. A line's records end with its E. */

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* How long a line may run, in milliseconds. */
#define LIMIT 500

/* What a shell begins with. The first four are data that nothing may run as code: `pwned` is in no line. */
static char *const ENVIRONMENT[] = {"E=path[$(pwned)]", "P=$(pwned)", "O=-t", "S=GIT_DIR=5", "F=a", "GIT_DIR=d",
                                    "PATH=/bin", "HOME=/nowhere", NULL};

/* What is in the folder of every line. The names may be patterns to a shell that reads a line in another way. */
static const char *const FILES[] = {"a", "b.c", "f", "!", "if", "while", "do", "then", "{", "d/x", "d/a", NULL};
static const char TEXT[] = "path[$(pwned)]\n-t\nGIT_DIR=5 a\n$(pwned)\n";
static const char FOLDER[] = "/work";

static void fail(const char *what) {
    perror(what);
    exit(1);
}

/* Text that is written at once. */
static char *record;
static size_t length, room;

static void add(const char *text) {
    size_t more = strlen(text) + 1;
    if (length + more > room) {
        room = 2 * (length + more);
        record = realloc(record, room);
        if (!record) fail("memory");
    }
    memcpy(record + length, text, more);
    length += more;
}

static void add_number(size_t number) {
    char text[32];
    snprintf(text, sizeof text, "%zu", number);
    add(text);
}

/* How long the log is then. */
static long write_record(void) {
    int log = open("/log", O_WRONLY | O_APPEND | O_CLOEXEC);
    if (log < 0 || write(log, record, length) != (ssize_t)length) fail("/log");
    long size = (long)lseek(log, 0, SEEK_END);
    close(log);
    length = 0;
    return size;
}

/* ---- A program that logs ---- */

static int is_one_of(const char *name, const char *const *names) {
    for (; *names; names++)
        if (!strcmp(name, *names)) return 1;
    return 0;
}

static int is_new(const char *variable) {
    static const char *const OWN[] = {"PWD", "OLDPWD", "SHLVL", "_", "LOGNAME",
                                      "_STDBUF_I", "_STDBUF_O", "_STDBUF_E", NULL};
    for (char *const *was = ENVIRONMENT; *was; was++)
        if (!strcmp(variable, *was)) return 0;
    if (!strncmp(variable, "LD_PRELOAD=", 11) && strstr(variable, "libstdbuf")) return 0;
    size_t end = strcspn(variable, "=");
    for (const char *const *own = OWN; *own; own++)
        if (strlen(*own) == end && !strncmp(variable, *own, end)) return 0;
    return 1;
}

/* Whether a shell does more than to read a file or its input, which is not in the line: whether it has other options than
 * those that only set how it runs. */
static int has_script(char **argv) {
    for (char **option = argv + 1; *option && (**option == '-' || **option == '+'); option++)
        if (**option == '+' || !(*option)[1] || (*option)[1 + strspn(*option + 1, "elnux")]) return 1;
    return 0;
}

static int log_call(int argc, char **argv) {
    static const char *const RUNNERS[] = {"env", "nohup", "nice", "timeout", "setsid", "stdbuf", NULL};
    static const char *const SHELLS[] = {"sh", "bash", "zsh", "dash", NULL};
    size_t names = 0;
    add("R");
    add_number((size_t)argc);
    for (int i = 0; i < argc; i++) add(argv[i]);
    for (char **variable = environ; *variable; variable++) names += (size_t)is_new(*variable);
    add_number(names);
    for (char **variable = environ; *variable; variable++) {
        if (!is_new(*variable)) continue;
        char *name = strdup(*variable);
        if (!name) fail("memory");
        name[strcspn(name, "=")] = 0;
        add(name);
    }
    /* Two of three succeed, about, so that every branch is taken, and loops end. */
    int status = ((unsigned)write_record() * 2654435761u >> 16) % 3 == 0;

    const char *name = strrchr(argv[0], '/');
    name = name ? name + 1 : argv[0];
    if ((is_one_of(name, SHELLS) && has_script(argv)) || is_one_of(name, RUNNERS)) {
        char path[64];
        snprintf(path, sizeof path, "/real/%s", name);
        execv(path, argv);
    } else if (!strcmp(name, "time") && argc > 1) {
        execvp(argv[1], argv + 1);
    }
    return status;
}

/* ---- The driver ---- */

static void make_files(void) {
    mkdir("d", 0777);
    for (const char *const *name = FILES; *name; name++) {
        int file = open(*name, O_WRONLY | O_CREAT | O_TRUNC, 0666);
        if (file < 0 || write(file, TEXT, sizeof TEXT - 1) < 0) fail(*name);
        close(file);
    }
}

static size_t found, changed;

/* Looks at each file below a folder. Those that are not as they were made are noted. */
static void look(const char *folder, time_t since, int adds) {
    DIR *entries = opendir(folder);
    if (!entries) return;
    for (struct dirent *entry; (entry = readdir(entries));) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        char path[4096];
        int is_top = !strcmp(folder, ".");
        snprintf(path, sizeof path, "%s%s%s", is_top ? "" : folder, is_top ? "" : "/", entry->d_name);
        struct stat about;
        if (lstat(path, &about)) continue;
        if (S_ISDIR(about.st_mode)) {
            look(path, since, adds);
            continue;
        }
        found++;
        if (about.st_size == sizeof TEXT - 1 && about.st_mtime == since && is_one_of(path, FILES)) continue;
        changed++;
        if (adds) add(path);
    }
    closedir(entries);
}

/* Leaves a folder with nothing in it. */
static void empty(const char *folder) {
    DIR *entries = opendir(folder);
    if (!entries) return;
    for (struct dirent *entry; (entry = readdir(entries));) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        struct stat about;
        if (!lstat(path, &about) && S_ISDIR(about.st_mode)) {
            empty(path);
            rmdir(path);
        } else {
            unlink(path);
        }
    }
    closedir(entries);
}

/* Everything is made long ago, so that what is written to has another time. */
static const time_t LONG_AGO = 1000000000;

static void age_files(void) {
    struct timeval times[2] = {{LONG_AGO, 0}, {LONG_AGO, 0}};
    for (const char *const *name = FILES; *name; name++)
        if (utimes(*name, times)) fail(*name);
}

static void start_over(void) {
    empty(FOLDER);
    empty("/tmp");
    make_files();
    age_files();
}

static volatile sig_atomic_t ticks;

static void tick(int signal) {
    (void)signal;
    ticks++;
}

static void limit(int what, rlim_t value) {
    struct rlimit most = {value, value};
    setrlimit(what, &most);
}

static void run(char **shell, char *line) {
    int in = open("/input", O_RDONLY), out = open("/dev/null", O_WRONLY);
    if (in < 0 || out < 0 || chdir(FOLDER)) fail("start");
    dup2(in, 0);
    dup2(out, 1);
    dup2(out, 2);
    for (int i = 3; i < 64; i++) close(i);
    setsid();
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_CPU, 2);
    limit(RLIMIT_FSIZE, 1 << 22);
    limit(RLIMIT_NOFILE, 128);
    limit(RLIMIT_NPROC, 512);
    char *argv[16];
    int argc = 0;
    const char *name = strrchr(shell[0], '/');
    argv[argc++] = (char *)(name ? name + 1 : shell[0]);
    for (int i = 1; shell[i] && argc < 12; i++) argv[argc++] = shell[i];
    argv[argc++] = "-c";
    argv[argc++] = line;
    argv[argc] = NULL;
    execve(shell[0], argv, ENVIRONMENT);
    fail(shell[0]);
}

static int drive(char **shell) {
    FILE *lines = fopen("/lines", "r");
    if (!lines || chdir(FOLDER)) fail("/lines");
    struct sigaction action = {.sa_handler = tick};
    sigaction(SIGALRM, &action, NULL);
    umask(0);
    start_over();
    char *line = NULL;
    size_t size = 0;
    while (getdelim(&line, &size, 0, lines) > 0) {
        struct itimerval time = {{0, 50 * 1000}, {0, LIMIT * 1000}}, none = {{0, 0}, {0, 0}};
        ticks = 0;
        pid_t child = fork();
        if (child < 0) fail("fork");
        if (child == 0) run(shell, line);
        setitimer(ITIMER_REAL, &time, NULL);
        int status = 0, late = 0;
        /* This is the first process of its namespace: what the shell leaves behind becomes its child. */
        for (;;) {
            int its;
            pid_t ended = wait(&its);
            if (ended == child) status = its;
            if (ended < 0 && errno == ECHILD) break;
            if (ticks) {
                late = 1;
                kill(-1, SIGKILL);
            }
        }
        setitimer(ITIMER_REAL, &none, NULL);
        found = changed = 0;
        look(".", LONG_AGO, 0);
        add("E");
        if (late) add("timeout");
        else add_number((size_t)status);
        add_number(changed);
        size_t all = sizeof FILES / sizeof *FILES - 1;
        int is_same = !changed && found == all;
        if (changed) look(".", LONG_AGO, 1);
        write_record();
        if (is_same) empty("/tmp");
        else start_over();
    }
    return 0;
}

int main(int argc, char **argv) {
    if (argc > 1 && !strcmp(argv[0], "/real/drive")) return drive(argv + 1);
    return argc ? log_call(argc, argv) : 1;
}
