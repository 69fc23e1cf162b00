-- Nobody takes or gives back a hold until the transaction ends: no window is opened meanwhile.
LOCK TABLE holds IN SHARE MODE
