#include "flow.h"

#include <string.h>

#define IP_BYTES   20u
#define TCP_BYTES  20u
#define PROTO_TCP  6
#define FLAG_SYN   0x02u
#define FLAG_RST   0x04u
#define FLAG_ACK   0x10u
#define TIME_TO_GO 64

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xffff);
}

bool packet_look(struct packet_view *out, const uint8_t *p, size_t len)
{
    *out = (struct packet_view){0};
    size_t ip = len >= IP_BYTES ? (size_t)(p[0] & 15) * 4 : 0;
    if (ip < IP_BYTES || p[0] >> 4 != 4 || len < ip)
        return false;
    out->from = get32(p + 12);
    out->to = get32(p + 16);
    out->tcp = p[9] == PROTO_TCP && len >= ip + TCP_BYTES;
    if (!out->tcp)
        return true;
    const uint8_t *t = p + ip;
    size_t header = (size_t)(t[12] >> 4) * 4;
    out->from_port = get16(t);
    out->to_port = get16(t + 2);
    out->seq = get32(t + 4);
    out->ack = get32(t + 8);
    out->syn = (t[13] & FLAG_SYN) != 0;
    out->rst = (t[13] & FLAG_RST) != 0;
    out->acks = (t[13] & FLAG_ACK) != 0;
    out->payload = len > ip + header ? len - ip - header : 0;
    return true;
}

static uint32_t sum16(uint32_t sum, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i + 1 < len; i += 2)
        sum += get16(p + i);
    return sum;
}

static uint32_t fold(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return ~sum & 0xffff;
}

size_t packet_reset(uint8_t out[RESET_BYTES], const struct packet_view *of)
{
    uint8_t *t = out + IP_BYTES;
    memset(out, 0, RESET_BYTES);
    out[0] = 0x45;
    put16(out + 2, RESET_BYTES);
    out[8] = TIME_TO_GO;
    out[9] = PROTO_TCP;
    put32(out + 12, of->to);
    put32(out + 16, of->from);
    put16(out + 10, fold(sum16(0, out, IP_BYTES)));
    put16(t, of->to_port);
    put16(t + 2, of->from_port);
    put32(t + 4, of->acks ? of->ack : 0);
    put32(t + 8, of->seq + (uint32_t)of->payload + of->syn);
    t[12] = (TCP_BYTES / 4) << 4;
    t[13] = (uint8_t)(of->acks ? FLAG_RST : FLAG_RST | FLAG_ACK);
    put16(t + 16, fold(sum16(PROTO_TCP + TCP_BYTES, out + 12, 8 + TCP_BYTES)));
    return RESET_BYTES;
}
