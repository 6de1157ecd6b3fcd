"""Commands as one would type them: a right one for each name, and odd ones that are worth a look of their own.

`{key}` stands for a key of any type, `{other}` for a second one. No two times that a condition compares are alike, but
for absolute ones: else the pace of the clock would decide.
"""

from typing import Final

RIGHT: Final = {
    "SET": "SET {key} v",
    "GET": "GET {key}",
    "GETDEL": "GETDEL {key}",
    "GETSET": "GETSET {key} v",
    "GETEX": "GETEX {key} PERSIST",
    "SETNX": "SETNX {key} v",
    "SETEX": "SETEX {key} 1000 v",
    "PSETEX": "PSETEX {key} 1000000 v",
    "MGET": "MGET {key} {other}",
    "MSET": "MSET {key} v {other} w",
    "MSETNX": "MSETNX {key} v {other} w",
    "APPEND": "APPEND {key} v",
    "STRLEN": "STRLEN {key}",
    "GETRANGE": "GETRANGE {key} 0 1",
    "SUBSTR": "SUBSTR {key} 0 1",
    "SETRANGE": "SETRANGE {key} 1 v",
    "INCR": "INCR {key}",
    "DECR": "DECR {key}",
    "INCRBY": "INCRBY {key} 5",
    "DECRBY": "DECRBY {key} 5",
    "INCRBYFLOAT": "INCRBYFLOAT {key} 0.5",
    "LCS": "LCS {key} {other}",
    "HSET": "HSET {key} f v",
    "HMSET": "HMSET {key} f v g w",
    "HSETNX": "HSETNX {key} f v",
    "HGET": "HGET {key} a",
    "HMGET": "HMGET {key} a nope",
    "HGETALL": "HGETALL {key}",
    "HKEYS": "HKEYS {key}",
    "HVALS": "HVALS {key}",
    "HLEN": "HLEN {key}",
    "HSTRLEN": "HSTRLEN {key} a",
    "HEXISTS": "HEXISTS {key} a",
    "HDEL": "HDEL {key} a nope",
    "HINCRBY": "HINCRBY {key} a 5",
    "HINCRBYFLOAT": "HINCRBYFLOAT {key} a 0.5",
    "HRANDFIELD": "HRANDFIELD {key} 2",
    "HSCAN": "HSCAN {key} 0",
    "SADD": "SADD {key} a z",
    "SREM": "SREM {key} a z",
    "SCARD": "SCARD {key}",
    "SISMEMBER": "SISMEMBER {key} a",
    "SMISMEMBER": "SMISMEMBER {key} a z",
    "SMEMBERS": "SMEMBERS {key}",
    "SMOVE": "SMOVE {key} {other} a",
    "SPOP": "SPOP {key} 1",
    "SRANDMEMBER": "SRANDMEMBER {key} 2",
    "SINTER": "SINTER {key} {other}",
    "SUNION": "SUNION {key} {other}",
    "SDIFF": "SDIFF {key} {other}",
    "SINTERSTORE": "SINTERSTORE to {key} {other}",
    "SUNIONSTORE": "SUNIONSTORE to {key} {other}",
    "SDIFFSTORE": "SDIFFSTORE to {key} {other}",
    "SINTERCARD": "SINTERCARD 2 {key} {other}",
    "SSCAN": "SSCAN {key} 0",
    "DEL": "DEL {key} {other}",
    "UNLINK": "UNLINK {key} {other}",
    "EXISTS": "EXISTS {key} {other}",
    "TOUCH": "TOUCH {key} {other}",
    "TYPE": "TYPE {key}",
    "KEYS": "KEYS *",
    "SCAN": "SCAN 0",
    "RENAME": "RENAME {key} {other}",
    "RENAMENX": "RENAMENX {key} {other}",
    "COPY": "COPY {key} {other}",
    "RANDOMKEY": "RANDOMKEY",
    "DBSIZE": "DBSIZE",
    "FLUSHDB": "FLUSHDB",
    "FLUSHALL": "FLUSHALL",
    "EXPIRE": "EXPIRE {key} 1000",
    "PEXPIRE": "PEXPIRE {key} 1000000",
    "EXPIREAT": "EXPIREAT {key} 4102444800",
    "PEXPIREAT": "PEXPIREAT {key} 4102444800000",
    "PERSIST": "PERSIST {key}",
    "TTL": "TTL {key}",
    "PTTL": "PTTL {key}",
    "EXPIRETIME": "EXPIRETIME {key}",
    "PEXPIRETIME": "PEXPIRETIME {key}",
    "OBJECT": "OBJECT ENCODING {key}",
}

ODD: Final = {
    "SET": """
        SET s v EX
        SET s v EX 0
        SET s v EX -1
        SET s v PX 0
        SET s v EX x
        SET s v EX 9223372036854775
        SET s v EX 9223372036854775807
        SET s v PX 9223372036854775807
        SET s v EXAT 9223372036854775807
        SET s v EX 1000 PX 1000000
        SET s v EX 1000 KEEPTTL
        SET s v KEEPTTL EX 1000
        SET s v KEEPTTL PXAT 4102444800000
        SET s v NX XX
        SET s v NX NX
        SET s v nx get
        SET h v NX GET
        SET h v GET
        SET h v XX GET
        SET none v GET
        SET s v GET GET KEEPTTL XX
        SET s v PERSIST
        SET s v IFEQ x
        SET s v PXAT 1
        SET s v EX 10 EX 10
    """,
    "GETEX": """
        GETEX s EX
        GETEX s EX 0
        GETEX s PX -5
        GETEX s EXAT 0
        GETEX s EX 1000 PERSIST
        GETEX s PERSIST PERSIST
        GETEX s PERSIST EX 1000
        GETEX s EX 1000 PX 1000
        GETEX s KEEPTTL
        GETEX s NX
        GETEX none EX 0
        GETEX h EX 0
        GETEX h EX x
        GETEX s PXAT 1
    """,
    "SETEX": "SETEX s 0 v|SETEX s -1 v|SETEX s x v|SETEX s 9223372036854775807 v|SETEX h 1000 v",
    "PSETEX": "PSETEX s 0 v|PSETEX s -1 v|PSETEX s x v|PSETEX s 9223372036854775807 v",
    "MSET": "MSET s|MSET s v S|MSET s v s w",
    "MSETNX": "MSETNX s|MSETNX s v S|MSETNX n v n w|MSETNX n v s w",
    "GETRANGE": "GETRANGE S 0 -1|GETRANGE S -3 -2|GETRANGE S 5 2|GETRANGE S -99 99|GETRANGE S x 1|GETRANGE h x 1",
    "SETRANGE": """
        SETRANGE s -1 v
        SETRANGE s x v
        SETRANGE h -1 v
        SETRANGE none 0 ''
        SETRANGE none 5 ''
        SETRANGE none 5 v
        SETRANGE S 2 ''
        SETRANGE h 2 ''
        SETRANGE s 8388607 v
        SETRANGE s 8388608 v
        SETRANGE s 8388600 123456789
        SETRANGE s 9223372036854775807 v
    """,
    "INCRBY": """
        INCRBY s 9223372036854775807
        INCRBY S 1
        INCRBY s 1.0
        INCRBY h x
        INCRBY none -9223372036854775808
        INCRBY none -1
    """,
    "DECRBY": """
        DECRBY s -9223372036854775808
        DECRBY s 9223372036854775807
        DECRBY s -9223372036854775807
        DECRBY none x
    """,
    "INCRBYFLOAT": """
        INCRBYFLOAT s 5.0e3
        INCRBYFLOAT s nan
        INCRBYFLOAT s inf
        INCRBYFLOAT S 1
        INCRBYFLOAT h x
        INCRBYFLOAT none 0.1
        INCRBYFLOAT none 0.2
        INCRBYFLOAT none -0.3
        INCRBYFLOAT none 1e300
        INCRBYFLOAT none -1e300
        INCRBYFLOAT none 3.14159265358979323846
        INCRBYFLOAT none 1e4000
        INCRBYFLOAT none 1e4932
        INCRBYFLOAT none 1e4932
    """,
    "LCS": """
        LCS S '' IDX
        LCS S '' LEN
        LCS S '' IDX LEN
        LCS S '' IDX MINMATCHLEN 4
        LCS S '' IDX MINMATCHLEN 4 WITHMATCHLEN
        LCS S '' IDX MINMATCHLEN -4 WITHMATCHLEN
        LCS S '' MINMATCHLEN
        LCS S '' MINMATCHLEN x IDX
        LCS S '' WITHMATCHLEN
        LCS S none IDX
        LCS S S IDX WITHMATCHLEN
        LCS h S x
    """,
    "HSET": "HSET h a|HSET h a 1 b|HSET s a|HSET h f 1 f 2",
    "HMSET": "HMSET h a|HMSET h a 1 b",
    "HINCRBY": """
        HINCRBY h b 1
        HINCRBY h a x
        HINCRBY h a 9223372036854775807
        HINCRBY h a 1
        HINCRBY s a x
        HINCRBY h '' 1
    """,
    "HINCRBYFLOAT": """
        HINCRBYFLOAT h b 1
        HINCRBYFLOAT h a x
        HINCRBYFLOAT h a nan
        HINCRBYFLOAT h a inf
        HINCRBYFLOAT h new -0.0
        HINCRBYFLOAT h '' 1.25
        HINCRBYFLOAT s a x
    """,
    "HRANDFIELD": """
        HRANDFIELD h 0
        HRANDFIELD h -5 WITHVALUES
        HRANDFIELD h 9 withvalues
        HRANDFIELD h 2 x
        HRANDFIELD h x
        HRANDFIELD h WITHVALUES
        HRANDFIELD h 2 WITHVALUES x
        HRANDFIELD h -9223372036854775808
        HRANDFIELD h -4611686018427387904 WITHVALUES
        HRANDFIELD h 4611686018427387904 WITHVALUES
        HRANDFIELD h 9223372036854775807 WITHVALUES
        HRANDFIELD none 0 WITHVALUES
        HRANDFIELD none
    """,
    "HSCAN": """
        HSCAN h x
        HSCAN h -1
        HSCAN h 0 MATCH
        HSCAN h 0 COUNT 0
        HSCAN h 0 COUNT x
        HSCAN h 0 COUNT 1 MATCH [ab]
        HSCAN h 0 NOVALUES
        HSCAN h 0 TYPE hash
        HSCAN s x
        HSCAN none 0 COUNT 0
        HSCAN none x
    """,
    "SPOP": "SPOP t 0|SPOP t -1|SPOP t x|SPOP t 1 1|SPOP none|SPOP none 5|SPOP none x|SPOP s -1|SPOP t 99",
    "SRANDMEMBER": """
        SRANDMEMBER t 0
        SRANDMEMBER t -7
        SRANDMEMBER t 99
        SRANDMEMBER t x
        SRANDMEMBER t 1 1
        SRANDMEMBER t -9223372036854775808
        SRANDMEMBER none
        SRANDMEMBER none -5
        SRANDMEMBER s x
    """,
    "SMOVE": "SMOVE t t a|SMOVE t t nope|SMOVE t s nope|SMOVE t s a|SMOVE none s a|SMOVE none none a|SMOVE s none a",
    "SINTER": "SINTER none s|SINTER s none|SINTER none none|SINTER t t",
    "SDIFF": "SDIFF none s|SDIFF t t|SDIFF t none|SDIFF none t",
    "SINTERSTORE": "SINTERSTORE t none|SINTERSTORE t none s|SINTERSTORE s t T|SINTERSTORE none none",
    "SUNIONSTORE": "SUNIONSTORE t t|SUNIONSTORE s none|SUNIONSTORE h t T",
    "SDIFFSTORE": "SDIFFSTORE t t t|SDIFFSTORE T t T|SDIFFSTORE none t s",
    "SINTERCARD": """
        SINTERCARD 0 t
        SINTERCARD -1 t
        SINTERCARD x t
        SINTERCARD 2 t
        SINTERCARD 1 t T
        SINTERCARD 2 t T LIMIT
        SINTERCARD 2 t T LIMIT 1
        SINTERCARD 2 t T LIMIT 0
        SINTERCARD 2 t T LIMIT -1
        SINTERCARD 2 t T LIMIT x
        SINTERCARD 2 t T LIMIT 1 LIMIT 2
        SINTERCARD 2 none s
        SINTERCARD 2 t s LIMIT x
        SINTERCARD 9223372036854775807 t
    """,
    "SSCAN": "SSCAN t x|SSCAN t 0 COUNT 0|SSCAN t 0 MATCH|SSCAN t 0 match [ab] count 1|SSCAN s 0|SSCAN none 0 x",
    "SCAN": """
        SCAN x
        SCAN -1
        SCAN 0 COUNT
        SCAN 0 COUNT 0
        SCAN 0 COUNT 1
        SCAN 0 COUNT x
        SCAN 0 TYPE set
        SCAN 0 TYPE nope
        SCAN 0 TYPE HASH MATCH h*
        SCAN 0 MATCH [st] COUNT 1 TYPE string
        SCAN 18446744073709551615 x
        SCAN 18446744073709551616
        SCAN 0 0
    """,
    "KEYS": "KEYS ''|KEYS [|KEYS [^|KEYS [s-|KEYS \\\\|KEYS [t-s]|KEYS [^a-z]|KEYS ??|KEYS **|KEYS [\\\\s]|KEYS s]",
    "COPY": """
        COPY s s
        COPY s h
        COPY s h REPLACE
        COPY t to DB 0
        COPY t to DB 1
        COPY t to DB x
        COPY t to DB 2147483647
        COPY t to DB 2147483648
        COPY t to DB -2147483648
        COPY t to DB -2147483649
        COPY t to DB
        COPY t to NOPE
        COPY S to REPLACE replace
        COPY S S DB 0
        COPY none none
    """,
    "RENAME": "RENAME none none|RENAME none s|RENAME s s|RENAME S h|RENAME t s",
    "RENAMENX": "RENAMENX none none|RENAMENX none s|RENAMENX s s|RENAMENX S h|RENAMENX t to",
    "EXPIRE": """
        EXPIRE s x
        EXPIRE s 1.5
        EXPIRE s 9223372036854775807
        EXPIRE s -9223372036854775808
        EXPIRE s 9223372036854775
        EXPIRE none x
        EXPIRE s 1000 NX
        EXPIRE S 1100 NX
        EXPIRE s 1200 XX
        EXPIRE s 1300 NX XX
        EXPIRE s 1400 NX GT
        EXPIRE s 1500 GT LT
        EXPIRE s 1600 GT XX
        EXPIRE s 1700 LT XX
        EXPIRE s 1800 x
        EXPIRE none 1900 x
        EXPIRE S 2000 GT
        EXPIRE S 2100 LT
        EXPIRE S 2200 lt
        EXPIRE h 2300 GT
        EXPIRE h 2400 LT
        EXPIRE h -1 NX
        EXPIRE h -1 GT
        EXPIRE h -1 XX
        EXPIRE S 0
    """,
    "PEXPIRE": "PEXPIRE s 9223372036854775807|PEXPIRE s -9223372036854775808|PEXPIRE s 0 XX|PEXPIRE S -1 XX",
    "EXPIREAT": """
        EXPIREAT s 9223372036854775807
        EXPIREAT s -9223372036854775808
        EXPIREAT S 4102444800 GT
        EXPIREAT S 4102444800 LT
        EXPIREAT S 4102444801 GT
        EXPIREAT s 1
    """,
    "PEXPIREAT": "PEXPIREAT s -9223372036854775808|PEXPIREAT S 4102444800001 GT|PEXPIREAT S 4102444800000 XX LT",
    "FLUSHDB": "FLUSHDB x|FLUSHDB ASYNC SYNC|FLUSHDB sync|FLUSHDB ASYNC",
    "FLUSHALL": "FLUSHALL x|FLUSHALL ASYNC SYNC|FLUSHALL sync|FLUSHALL ASYNC",
    "OBJECT": """
        OBJECT
        OBJECT NOPE
        OBJECT NOPE s
        OBJECT ENCODING
        OBJECT ENCODING s s
        OBJECT FREQ s
        OBJECT FREQ none
        OBJECT IDLETIME none
        OBJECT REFCOUNT none
        OBJECT ENCODING none
        OBJECT HELP x
    """,
}


def odd_lines(name: str) -> list[str]:
    """The odd commands of this name, in the order in which they are to be run."""
    lines = (line.strip() for part in ODD.get(name, "").splitlines() for line in part.split("|"))
    return [line for line in lines if line]
