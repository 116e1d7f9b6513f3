/*
 * pause: the program of a pod's sandbox container.
 *
 * It holds the pod's namespaces open by doing nothing, reaps orphans when the pod shares its process namespace
 * (then it is process 1), and ends at once when asked.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/wait.h>

int main(void)
{
    sigset_t awaited;
    int number;

    sigemptyset(&awaited);
    sigaddset(&awaited, SIGCHLD);
    sigaddset(&awaited, SIGINT);
    sigaddset(&awaited, SIGTERM);
    /* blocked and then taken one by one: no handler, no race between a check and a sleep */
    if (sigprocmask(SIG_BLOCK, &awaited, NULL) != 0) {
        perror("pause: sigprocmask");
        return 1;
    }
    for (;;) {
        int error = sigwait(&awaited, &number);

        if (error == EINTR)
            continue;
        if (error != 0)
            return 1;
        if (number != SIGCHLD)
            return 0;
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
    }
}
