"""Writes realistic NDJSON of any size, for measuring: deterministic, quick, one process.

    generate.py --shape participants|conversations --bytes 1GB --days 30 --order time|shuffled --seed 1 --out FILE

The call centre it imagines: a customer calls, an IVR may answer first, the call waits in a queue, one
to three agents are rung one after another and the last one usually answers. Customers carry about 15
attributes whose keys follow the flow they came through plus a long tail; most members of the model
are absent from most participants, as in real exports. Names and numbers are invented: phone numbers
are of the 555-01xx range, addresses of RFC 5737, domains of example.com.
"""

import argparse
import datetime
import random
import sys
import time

UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}

FIRST = "Ada Bruno Chidi Dilan Elif Farid Greta Hana Igor Jólan Kemal Lotte Mila Nuno Olga Pavel Quinn Rosa Søren Tuva".split()
LAST = "Abel Brandt Castro Duarte Ekström Fuchs Gruber Hoxha Ivanov Jansen Köhler Lindqvist Moreau Novak Okafor Petrov".split()
TOWNS = ["Springfield IL", "Northtown", "Lakeview OH", "Wüstenrot", "San Rafael", "Kleinheim", "Port Alma", "+15555550100"]
QUEUES = ["Billing", "Sales", "Technical Support", "Retention", "Claims", "Kündigungen", "Orders / Returns", "VIP",
          "Collections", "Onboarding", "Field Service", "After Hours", "Español", "Partners", "Loans", "Cards",
          "Fraud", "Travel", "Warranty", "Complaints"]
WRAPUPS = ["Resolved", "Follow up", "Wrong number", "Sale", "No sale", "Escalated", "Callback agreed", "Cancelled", "Info given"]
AGENT_ENDS = ["client", "peer", "endpoint", "transfer", "system"]
HOT_KEYS = [
    "IVR Priority", "Queue Name", "Language", "Customer Segment", "Main Intent", "MainIntent1", "Account Number",
    "context.email", "context.firstName", "ivr.Skills", "ACD End", "Whisper ", "CallType ", "DNIS", "custCLI",
    "Schedule Group", "ScheduleGroup", "Authenticated", "ic-PID", "CrmData", "LastUtterance1", "Final Main Intent",
    "Queue Deflection Status", "Queue_Deflection_Status", "scriptId", "Region", "Campaign", "Survey Offered",
    "Callback Offered", "Estimated Wait", "Position In Queue", "Flow Name", "Flow Version", "Menu Path", "Order Id",
    "Contract", "Product", "Tariff", "Consent", "Balance",
]
FLOWS, KEYS_PER_FLOW, TAIL_KEYS = 24, 13, 400
FIRST_DAY = datetime.date(2025, 7, 1)


def size(text):
    digits = text.rstrip("BKMGIbkmgi ")
    return int(float(digits) * UNITS[text[len(digits):].strip().upper() or "B"])


def uuids(rng):
    """An endless source of UUID texts of version 4."""
    bits = rng.getrandbits
    while True:
        h = "%032x" % bits(128)
        yield f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:]}"


class Clock:
    """Instants as wire text, from milliseconds since the first day, by table."""

    def __init__(self, days):
        # a call may run past midnight of the last day
        self.days = [(FIRST_DAY + datetime.timedelta(d)).isoformat() + "T" for d in range(days + 2)]
        self.seconds = [f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}" for s in range(86_400)]
        self.millis = [f".{m:03d}Z" for m in range(1000)]

    def text(self, ms):
        second, milli = divmod(ms, 1000)
        day, second = divmod(second, 86_400)
        return self.days[day] + self.seconds[second] + self.millis[milli]


class Centre:
    """The fixed population (agents, queues, flows) and the calls it takes."""

    def __init__(self, rng, days):
        self.rng, self.uuid, self.clock = rng, uuids(rng), Clock(days)
        u = self.uuid
        self.agents = [self.ref("users", next(u), f"{rng.choice(FIRST)} {rng.choice(LAST)}") for _ in range(300)]
        self.queues = [self.ref("routing/queues", next(u), name) for name in QUEUES]
        self.queue_ids = [q.split('"')[3] for q in self.queues]
        self.teams = [self.ref("teams", next(u), f"Team {n}") for n in range(12)]
        self.scripts = [self.ref("scripts", next(u), f"Script {n}") for n in range(20)]
        self.wrapups = [f'{{"code":"{next(u)}","name":"{n}",' for n in WRAPUPS]
        self.skills = [f'{{"id":"{i}","selfUri":"/api/v2/routing/skills/{i}"}}' for i in (next(u) for _ in range(30))]
        self.languages = [f'{{"id":"{i}","selfUri":"/api/v2/routing/languages/{i}"}}' for i in (next(u) for _ in range(5))]
        self.texts = self.attribute_texts()
        # the tail is disjoint from the hot keys, so that no key can repeat within a map
        self.tail = [f'"x.{i}.{rng.choice(FIRST).lower()} key"' for i in range(TAIL_KEYS)]
        self.flows = self.attribute_flows()

    def ref(self, kind, ident, name):
        return f'{{"id":"{ident}","name":"{name}","selfUri":"/api/v2/{kind}/{ident}"}}'

    def attribute_texts(self):
        rng = self.rng
        few = [[f'"{w}"' for w in words] for words in (
            ["true", "false"], ["True", "False"], ["de-DE", "en-US", "es-ES", "tr-TR"], ["gold", "silver", "bronze"],
            ["billing", "sales", "support", "cancel"], ["", "1", "2", "3"], ["INBOUND", "OUTBOUND"],
            ["number:1090.56", "checkbox:true"], ["Open", "Closed", "Holiday", "Emergency"])]
        many = [[f'"{rng.randrange(10**11)}"' for _ in range(5000)],
                [f'"{rng.choice(FIRST).lower()}.{rng.randrange(9999)}@example.com"' for _ in range(5000)],
                [f'"sip:+1{rng.randrange(200, 999)}55501{rng.randrange(100):02d}@192.0.2.{rng.randrange(255)}"' for _ in range(5000)],
                ['"He said: \\"%s\\", thanks \\u00e9 %s"' % (rng.choice(QUEUES), rng.choice(FIRST)) for _ in range(300)],
                ['"{\\"crm\\":{\\"case\\":%d,\\"open\\":true}}"' % rng.randrange(10**8) for _ in range(2000)]]
        return few * 2 + many

    def attribute_flows(self):
        """Each flow sets its own keys, the first six in all of them; a key has its own kind of text."""
        rng, flows = self.rng, []
        kind = {key: rng.choice(self.texts) for key in HOT_KEYS}
        for n in range(FLOWS):
            keys = HOT_KEYS[:6] + rng.sample(HOT_KEYS[6:], KEYS_PER_FLOW - 6)
            flows.append([(f'"{key}":', kind[key]) for key in keys])
        return flows

    def attributes(self):
        rng = self.rng
        pick, rand = rng.choice, rng.random
        flow = self.flows[int(FLOWS * rand() ** 2)]
        parts = [key + texts[int(len(texts) * rand())] for key, texts in flow]
        tail = {self.tail[int(TAIL_KEYS * rand() ** 3)] for _ in range(2)}
        parts += [f'{key}:{pick(self.texts[0])}' for key in sorted(tail)]
        return "{" + ",".join(parts) + "}"

    def call(self, start):
        """The participants of one call that begins at `start`, as JSON texts in order of joining."""
        rng, clock, u = self.rng, self.clock.text, self.uuid
        rand = rng.random
        inbound = rand() < 0.85
        direction = "inbound" if inbound else "outbound"
        queue_at = int(len(QUEUES) * rand() ** 2)
        queue = self.queues[queue_at]
        phone = f"{int(200 + 799 * rand())}55501{int(100 * rand()):02d}"
        dialled = f"tel:+1800555010{queue_at % 10}"
        place = TOWNS[int(len(TOWNS) * rand())]
        ivr_ms = int(60_000 * rand())
        wait_ms = int(240_000 * rand() ** 3)
        rung = 1 + int(3 * rand() ** 2)
        ring_ms = 8_000
        answered = rand() < 0.92
        talk_ms = int(900_000 * rand() ** 2) + 5_000
        joined = start + ivr_ms + wait_ms + (rung - 1) * ring_ms
        end = joined + (talk_ms if answered else ring_ms)
        customer_peer, end_text = next(u), clock(end)
        ani = f'"ani":"tel:+1{phone}","dnis":"{dialled}"'
        routing = (f'"conversationRoutingData":{{"queue":{{"id":"{self.queue_ids[queue_at]}","selfUri":"/api/v2/routing/queues/{self.queue_ids[queue_at]}"}},'
                   f'"language":{self.languages[int(5 * rand())]},"priority":{int(10 * rand())},"skills":[')
        skills = self.skills[int(30 * rand())] if rand() < 0.6 else ""
        demand = f"{routing}{skills}],\"scoredAgents\":[]}}," if rand() < 0.3 else ""

        out = [
            f'{{"id":"{next(u)}","name":"{place}","address":"tel:+1{phone}","startTime":"{clock(start)}","connectedTime":"{clock(start + 5)}",'
            f'"endTime":"{end_text}","purpose":"{"customer" if inbound else "external"}","state":"terminated","direction":"{direction}",'
            f'"disconnectType":"{"peer" if answered else "endpoint"}","held":false,"wrapupRequired":false,"mediaRoles":["full"],'
            f'"queue":{queue},"attributes":{self.attributes()},"provider":"Edge",'
            + (f'"externalContact":{self.ref("externalcontacts/contacts", next(u), "")},"externalContactInitialDivisionId":"*",' if rand() < 0.25 else "")
            + f'"peer":"{customer_peer}","muted":false,"confined":false,"recording":{"true" if answered else "false"},"recordingState":"{"active" if answered else "none"}",'
            f'{ani},"securePause":false}}'
        ]
        if ivr_ms > 20_000:
            out.append(
                f'{{"id":"{next(u)}","name":"Main Menu","address":"sip:{next(u)}@127.0.0.1;language=en-US;user=ivr","startTime":"{clock(start + 10)}",'
                f'"connectedTime":"{clock(start + 12)}","endTime":"{clock(start + ivr_ms)}","purpose":"ivr","state":"terminated","direction":"inbound",'
                f'"disconnectType":"transfer","held":false,"wrapupRequired":false,"mediaRoles":["full"],"attributes":{{}},"provider":"Edge",'
                f'"peer":"{customer_peer}","muted":false,"confined":false,"recording":false,"recordingState":"none",{ani},"securePause":false}}')
        out.append(
            f'{{"id":"{next(u)}","name":"{QUEUES[queue_at]}","address":"sip:{self.queue_ids[queue_at]}@127.0.0.1;user=acd","startTime":"{clock(start + ivr_ms)}",'
            f'"connectedTime":"{clock(start + ivr_ms + 3)}","endTime":"{clock(joined)}","purpose":"acd","state":"terminated","direction":"inbound",'
            f'"disconnectType":"{"transfer" if answered else "peer"}","held":false,"wrapupRequired":false,"mediaRoles":["full"],"queue":{queue},"attributes":{{}},"provider":"Edge",'
            f'"peer":"{customer_peer}",{demand}"muted":false,"confined":false,"recording":false,"recordingState":"none",{ani},"securePause":false}}')
        for ring in range(rung):
            takes = answered and ring == rung - 1
            at = start + ivr_ms + wait_ms + ring * ring_ms
            agent = self.agents[int(300 * rand())]
            agent_id = agent[7:43]
            head = (
                f'{{"id":"{next(u)}","address":"sip:{agent_id}+example.com;tgrp={next(u)}@192.0.2.{int(255 * rand())}","startTime":"{clock(at)}","startAlertingTime":"{clock(at)}",')
            team = f'"team":{self.teams[int(12 * rand())]},' if rand() < 0.5 else ""
            middle = f'"wrapupPrompt":"timeout","mediaRoles":["full"],"user":{agent},"queue":{queue},{team}"attributes":{{}},'
            tail = f'"provider":"Edge","peer":"{next(u)}",'
            scored = f'{{"agent":{{"id":"{agent_id}","selfUri":"/api/v2/users/{agent_id}"}},"score":{int(100 * rand())}}}'
            data = f'{routing}{skills}],"scoredAgents":[{scored if rand() < 0.5 else ""}]}},' if demand else ""
            last = f'"muted":false,"confined":false,"recording":false,"recordingState":"none",{ani},"securePause":false}}'
            if takes:
                acw = int(60_000 * rand())
                out.append(
                    f'{head}"connectedTime":"{clock(at + 2_000)}","endTime":"{end_text}","purpose":"agent","state":"terminated","direction":"{direction}",'
                    f'"disconnectType":"{AGENT_ENDS[int(5 * rand() ** 2)]}","held":false,"wrapupRequired":true,{middle}"script":{self.scripts[queue_at]},'
                    f'"wrapupTimeoutMs":60000,"wrapupSkipped":false,"alertingTimeoutMs":8000,{tail[:-1]},'
                    f'"wrapup":{self.wrapups[int(9 * rand() ** 2)]}"notes":"","tags":[],"durationSeconds":{acw // 1000},"endTime":"{clock(end + acw)}"}},'
                    f'{data}"startAcwTime":"{end_text}","endAcwTime":"{clock(end + acw)}",{last}')
            else:
                error = ('"errorInfo":{"message":"no answer","code":"error.ininedgecontrol.session.noAnswer","status":408,"details":[],"errors":[]},'
                         if rand() < 0.05 else "")
                out.append(
                    f'{head}"endTime":"{clock(at + ring_ms)}","purpose":"agent","state":"terminated","direction":"{direction}","disconnectType":"transfer.noanswer",'
                    f'"held":false,"wrapupRequired":false,{middle}{error}"alertingTimeoutMs":8000,{tail}{data}{last}')
        return out


def conversation(centre, participants):
    ident = next(centre.uuid)
    return (f'{{"id":"{ident}","participants":[{",".join(participants)}],"otherMediaUris":[],"recordingState":"none","maxParticipants":{len(participants)},'
            f'"securePause":false,"selfUri":"/api/v2/conversations/calls/{ident}"}}\n')


def lines(shape, centre, days, order, wanted):
    """Batches of lines until `wanted` bytes are reached, in time order or shuffled over all days."""
    rng, written = centre.rng, 0
    span = days * 86_400_000
    batch = 2_000 if order == "time" else 20_000
    while True:
        block = []
        for n in range(batch):
            # the last calls begin an hour before the end, so that none runs out of the days asked for
            if order == "time":
                start = int((span - 3_600_000) * min(1.0, written / wanted))
            else:
                start = int((span - 3_600_000) * rng.random())
            participants = centre.call(start)
            new = [conversation(centre, participants)] if shape == "conversations" else [p + "\n" for p in participants]
            for line in new:
                written += len(line.encode())
                if written > wanted:
                    yield block
                    return
                block.append(line)
        if order == "shuffled":
            rng.shuffle(block)
        yield block


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", choices=["participants", "conversations"], default="participants")
    parser.add_argument("--bytes", type=size, default=size("100MB"))
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--order", choices=["time", "shuffled"], default="time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", required=True)
    said = parser.parse_args()
    began, count = time.monotonic(), 0
    centre = Centre(random.Random(said.seed), said.days)
    with open(said.out, "wb", buffering=1 << 20) as out:
        for block in lines(said.shape, centre, said.days, said.order, said.bytes):
            count += len(block)
            out.write("".join(block).encode())
    print(f"{count} records in {time.monotonic() - began:.1f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
