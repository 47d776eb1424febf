# What the pages for people say, in English. Each page has a title, says what happened, and what to do next.
# How to translate: docs/OPERATIONS.md, "Pages for people". The syntax is that of Project Fluent.

link-expired =
    .title = This link has expired
    .what = Download links work for 28 days after the email was sent. This one is older.
    .next = Open the request in the help center, or answer the email and ask for the file again.
# A link that the help center made for somebody who was logged in there.
portal-link-expired =
    .title = This link has expired
    .what = It was made for you in the help center, and worked for five minutes.
    .next = Go back to the help center and open the file there again.
link-withdrawn =
    .title = This link was withdrawn
    .what = The file is no longer shared through this link. The help desk removed it or changed its settings.
    .next = Open the request in the help center, or answer the email and ask for the file again.
# The link may be used again: a failed attempt takes nothing away from it.
unavailable =
    .title = Temporarily unavailable
    .what = The file cannot be delivered at the moment. Your link is not used up.
    .next = Please try again in a few minutes.
# Somebody in the same network tried many links that do not exist. Links that exist go on working.
too-many-requests =
    .title = Too many requests
    .what = Too many addresses that do not exist were asked for from your network in a short time.
    .next = Wait a minute, then copy the whole link from the email and open it again.
# A download that was interrupted cannot go on, since the help desk replaced the file in between.
file-changed =
    .title = The file has changed
    .what = The download cannot be continued, because the file is not the one it was begun with.
    .next = Open the link again to download the whole file.
not-shared =
    .title = This file is not shared with you
    .what = You are logged in, but the request that the file belongs to is not shared with your account.
    .next = Log in with the account that the email was sent to, or ask the help desk.
file-removed =
    .title = This file is no longer here
    .what = The help desk has removed the file, or the comment that it belonged to.
    .next = Answer the email if you still need it.
login-failed =
    .title = The login did not work
    .what = It was begun in another browser or too long ago, or it is finished already.
    .next = Open the link from the email again.
login-refused =
    .title = You are not logged in
    .what = The login was cancelled, or your email address is not verified at the login provider.
    .next = Open the link from the email again, or ask the help desk.
login-provider-unavailable =
    .title = Logging in is not possible at the moment
    .what = The login provider of this help center does not answer.
    .next = Please open the link from the email again in a few minutes.
login-provider-failed =
    .title = Logging in does not work here
    .what = This help center's login provider is not set up as it should be, or gives a wrong answer.
    .next = Please tell the help desk.
# Somebody sent something to an address that can only be opened.
not-possible =
    .title = Not possible here
    .what = This address can only be opened.
    .next = Open the link from the email.
not-found =
    .title = Nothing here
    .what = This address does not lead to a file. The link may be incomplete: some mail programs break long links.
    .next = Copy the whole link from the email, or open the request in the help center.
# The page that asks whether to log out.
log-out =
    .title = Log out
    .what = You stay logged in here for an hour at most.
    .next = On a computer that others use, log out when you are done.
logged-out =
    .title = You are logged out
    .what = You are no longer logged in to this help center's downloads.
    .next = You may still be logged in at your login provider.

# What is written on buttons.
button-help-center = Open the help center
button-other-account = Log in with another account
button-log-out = Log out
button-try-again = Try again

# At the foot of each page, followed by an email address or by one of the two links below it.
help = Do you need help?
# $name is the operator's own name, such as "Acme Support".
contact = Contact { $name }
contact-help-desk = Contact the help desk
