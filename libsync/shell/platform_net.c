#include "shell/platform_net.h"

#include <arpa/inet.h>
#include <linux/tcp.h> /* glibc's own does not know of tcpi_bytes_received */
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

bool ward_net_source(int fd, struct ward_net_source *out)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    struct ward_net_source s = {.port = 0};
    if (getpeername(fd, (struct sockaddr *)&peer, &len) != 0)
        return false;
    if (peer.ss_family == AF_INET) {
        const struct sockaddr_in *four = (const struct sockaddr_in *)&peer;
        s.address[10] = s.address[11] = 0xff;
        memcpy(s.address + 12, &four->sin_addr, 4);
        s.port = ntohs(four->sin_port);
    } else if (peer.ss_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&peer;
        memcpy(s.address, &six->sin6_addr, 16);
        s.port = ntohs(six->sin6_port);
    } else {
        return false;
    }
    *out = s;
    return true;
}

uint64_t ward_net_bytes_in(int fd)
{
    struct tcp_info info;
    socklen_t len = sizeof info;
    memset(&info, 0, sizeof info);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 ||
        len < offsetof(struct tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received)
        return 0;
    return info.tcpi_bytes_received;
}

void ward_net_cut(int fd, const struct ward_net_source *source, bool hard)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    struct ward_net_source now;
    /* libzmq may have closed it and the number may be another's: then nothing is touched, but for the blink of an eye in between; and who
     * is hit then has a broken connection, as any network may give him. */
    if (!ward_net_source(fd, &now) || now.port != source->port || memcmp(now.address, source->address, sizeof now.address) != 0)
        return;
    if (hard)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    shutdown(fd, SHUT_RD);
}
