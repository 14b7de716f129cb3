#define _GNU_SOURCE /* unshare */
#include "tun.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define NAME "ward0"

static bool up(int control, const char *name)
{
    struct ifreq r = {0};
    strcpy(r.ifr_name, name);
    if (ioctl(control, SIOCGIFFLAGS, &r) != 0)
        return false;
    r.ifr_flags = (short)(r.ifr_flags | IFF_UP | IFF_RUNNING);
    return ioctl(control, SIOCSIFFLAGS, &r) == 0;
}

static bool give(int control, unsigned long what, uint32_t address)
{
    struct ifreq r = {0};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
    strcpy(r.ifr_name, NAME);
    memcpy(&r.ifr_addr, &in, sizeof in);
    return ioctl(control, what, &r) == 0;
}

static bool make(int tun, int control, uint32_t address, unsigned mtu)
{
    struct ifreq r = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    strcpy(r.ifr_name, NAME);
    if (ioctl(tun, TUNSETIFF, &r) != 0)
        return false;
    r.ifr_mtu = (int)mtu;
    return ioctl(control, SIOCSIFMTU, &r) == 0 && give(control, SIOCSIFADDR, address) && give(control, SIOCSIFNETMASK, 0xffffff00u) &&
           up(control, "lo") && up(control, NAME);
}

bool tun_open(struct tun_end *out, uint32_t address, unsigned mtu)
{
    if (unshare(CLONE_NEWNET) != 0)
        return false;
    int ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool made = ns >= 0 && tun >= 0 && control >= 0 && make(tun, control, address, mtu);
    if (control >= 0)
        close(control);
    *out = (struct tun_end){.tun = tun, .ns = ns};
    return made;
}
