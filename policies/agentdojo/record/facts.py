"""What the host of each assistant knows before a task: read from the suite's environment, the same for all its tasks."""

import re


def workspace(env):
    user = env.inbox.account_email
    wrote_to = [to for mail in env.inbox.sent for to in [*mail.recipients, *mail.cc, *mail.bcc]]
    shared = [to for file in env.cloud_drive.files.values() if file.owner == user for to in file.shared_with]
    meets = [who for event in env.calendar.events.values() if user in event.participants for who in event.participants]
    return user, {"contacts": wrote_to + shared, "attendees": meets}


def banking(env):
    account = env.bank_account
    # Not who has paid the user: anyone can.
    paid = [payment.recipient for payment in account.transactions if payment.recipient != "me"]
    return account.iban, {"payees": paid + [payment.recipient for payment in account.scheduled_transactions]}


def slack(env):
    messages = [message for inbox in [*env.slack.user_inbox.values(), *env.slack.channel_inbox.values()] for message in inbox]
    links = [link.rstrip(".,!?)") for message in messages for link in re.findall(r"(?:https?://|www\.)[^\s()]+", message.body)]
    return "assistant", {"members": list(env.slack.users), "links": links}


def travel(env):
    wrote_to = [to for mail in env.inbox.sent for to in [*mail.recipients, *mail.cc, *mail.bcc]]
    return env.inbox.account_email, {"contacts": wrote_to}


def of(suite, env):
    agent, context = {"workspace": workspace, "banking": banking, "slack": slack, "travel": travel}[suite](env)
    return {"agent": {"id": agent}, "context": {name: sorted(set(values)) for name, values in context.items()}}
