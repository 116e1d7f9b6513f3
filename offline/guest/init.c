/*
 * init: the first program of a fjordkube guest, alone in its initramfs.
 *
 * Loads the modules listed in /modules (one path a line, dependencies first), mounts the root disk and hands over to
 * its /sbin/init. The root disk is the virtio disk with serial "root"; without serials, /dev/vda. Debian's own
 * initramfs does more (fsck, LVM, crypto, network boot), which costs an emulated machine ten seconds at each boot.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    RETRY_MICROSECONDS = 20000,
    ROOT_TRIES = 1500 /* 30 s: a disk that is not there by then will not come */
};

static void load_module(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);

    if (file < 0) {
        printf("init: %s: %s\n", path, strerror(errno));
        return;
    }
    if (syscall(SYS_finit_module, file, "", 0) != 0 && errno != EEXIST)
        printf("init: %s: %s\n", path, strerror(errno));
    close(file);
}

static void load_modules(void)
{
    char line[256];
    FILE *list = fopen("/modules", "re");

    if (list == NULL)
        return;
    while (fgets(line, sizeof line, list) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] != '\0')
            load_module(line);
    }
    fclose(list);
}

/* Writes the device with serial "root" to `device`; 0 if there is one. */
static int find_root(char *device, size_t size)
{
    DIR *blocks = opendir("/sys/block");
    struct dirent *entry;
    int found = -1;

    if (blocks == NULL)
        return -1;
    while (found != 0 && (entry = readdir(blocks)) != NULL) {
        char path[288], serial[32] = "";
        FILE *file;

        snprintf(path, sizeof path, "/sys/block/%s/serial", entry->d_name);
        file = fopen(path, "re");
        if (file == NULL)
            continue;
        if (fgets(serial, sizeof serial, file) != NULL) {
            serial[strcspn(serial, "\n")] = '\0';
            if (strcmp(serial, "root") == 0) {
                snprintf(device, size, "/dev/%s", entry->d_name);
                found = 0;
            }
        }
        fclose(file);
    }
    closedir(blocks);
    return found;
}

static int mount_root(void)
{
    char device[272];
    int attempt;

    for (attempt = 0; attempt < ROOT_TRIES; attempt++) {
        if (find_root(device, sizeof device) != 0)
            strcpy(device, "/dev/vda");
        if (mount(device, "/root", "ext4", MS_NOATIME, "") == 0)
            return 0;
        usleep(RETRY_MICROSECONDS);
    }
    printf("init: cannot mount %s: %s\n", device, strerror(errno));
    return -1;
}

static int failed(const char *what)
{
    printf("init: %s: %s\n", what, strerror(errno));
    sleep(3); /* time for the console to carry the line before the kernel panics */
    return 1;
}

int main(void)
{
    int console;

    mkdir("/dev", 0755);
    mkdir("/sys", 0755);
    mkdir("/root", 0755);
    mount("dev", "/dev", "devtmpfs", 0, "");
    mount("sys", "/sys", "sysfs", 0, "");
    load_modules();
    if (mount_root() != 0)
        return failed("root disk");
    umount("/sys");
    if (mount("/dev", "/root/dev", NULL, MS_MOVE, NULL) != 0)
        return failed("move /dev");
    if (chdir("/root") != 0 || mount(".", "/", NULL, MS_MOVE, NULL) != 0 || chroot(".") != 0 || chdir("/") != 0)
        return failed("switch to the root disk");
    console = open("/dev/console", O_RDWR);
    if (console >= 0) {
        dup2(console, 0);
        dup2(console, 1);
        dup2(console, 2);
    }
    execl("/sbin/init", "/sbin/init", (char *)NULL);
    return failed("/sbin/init");
}
