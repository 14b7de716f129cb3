#define _GNU_SOURCE /* O_PATH */
#include "base/err.h"
#include "shell/platform.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

bool ward_file_rights(const char *path, struct ward_file_rights *out)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return false;
    *out = (struct ward_file_rights){.own = st.st_uid == geteuid(),
                                     .directory = S_ISDIR(st.st_mode),
                                     .link = S_ISLNK(st.st_mode),
                                     .mode = st.st_mode & 0777,
                                     .writable = faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0};
    return true;
}

int ward_file_set_mode(const char *path, unsigned mode, struct ward_error *err)
{
    /* No link is followed: who could put one there could have any file of ours opened to all. And what may not be read has a mode too. */
    char name[64];
    int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return ward_file_fail(err, "set the mode of", path, errno);
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    int rc = chmod(name, (mode_t)mode), number = errno;
    close(fd);
    return rc == 0 ? WARD_OK : ward_file_fail(err, "set the mode of", path, number);
}
